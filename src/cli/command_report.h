#pragma once

#include "cli/command_support.h"

#include <string>
#include <utility>
#include <vector>

namespace rowgate::cli {

/// `report NAME --link LIFE`.
struct LinkOrder {
  std::vector<std::pair<std::string, std::string>> params;
  std::string life;  ///< "24h"
};
/// Makes a link and prints its address.
Result<void> make_link(const app::Opened& at, const Terminal& terminal, const report::Definition& report,
                       const LinkOrder& order);

}  // namespace rowgate::cli
