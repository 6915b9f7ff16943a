#pragma once

#include "report/report.h"

namespace rowgate::report {

/// The values to be bound: each given text by its parameter's type, else the default. Fails with
/// report.bad_parameter for an unknown name, a name given twice, a missing value or a text that is not of the
/// type.
Result<std::vector<std::pair<std::string, db::Value>>> bind_parameters(
    const Definition& report, std::span<const std::pair<std::string, std::string>> given);

}  // namespace rowgate::report
