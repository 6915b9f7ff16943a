#pragma once

#include "report/report.h"

namespace rowgate::report {

/// In bytes. The ledger keeps the parameters of each link.
inline constexpr std::size_t kLongestParameter = 4096;

/// The values to be bound: each given text by its parameter's type, else the default. Fails with
/// report.bad_parameter for an unknown name, a name given twice, a missing value, a text that is not of the
/// type, or one that no database can be given as it is: longer than kLongestParameter, not UTF-8, or with a
/// NUL.
Result<std::vector<std::pair<std::string, db::Value>>> bind_parameters(
    const Definition& report, std::span<const std::pair<std::string, std::string>> given);

}  // namespace rowgate::report
