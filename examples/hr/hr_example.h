#pragma once

#include <string>

namespace rowgate::examples::hr {

/// The example's configuration; `strict` makes every field of hired_employees required.
std::string config_yaml(bool strict);
/// 12 departments, 183 jobs, 2,000 hired employees: made-up people, always the same bytes. Among the
/// employees stand known bad rows; README.md in examples/hr lists each.
std::string departments_csv();
std::string jobs_csv();
std::string hired_employees_csv();
/// A few hires with broken quotes among good rows.
std::string broken_quotes_csv();

}  // namespace rowgate::examples::hr
