#pragma once

#include "csv/dialect.h"
#include "io/source.h"

#include <cstdint>
#include <optional>

namespace rowgate::load {

/// How many data records `file` has, blank lines aside; counting ends with the batch in which `enough` is
/// reached. Bad records count too. Fails as csv::inspect and reading do.
Result<std::uint64_t> count_records(const io::SourceFile& file, const csv::DialectOptions& dialect,
                                    std::optional<std::uint64_t> enough);

}  // namespace rowgate::load
