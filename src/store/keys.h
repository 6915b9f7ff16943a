#pragma once

// What all stores share.

#include "store/store.h"

#include <string_view>
#include <vector>

namespace rowgate::store {

inline constexpr std::size_t kMostLevels = 4;

/// "reports", "lnk_06FA...", "hires.csv".
std::vector<std::string_view> levels_of(std::string_view key);
Error no_such_file(const FileKey& key);
Error not_a_key(const FileKey& key);
/// All that is left of `source`; then the target is closed.
Result<void> pour(io::Source& source, StoreWriter& target);

}  // namespace rowgate::store
