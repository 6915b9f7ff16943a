#pragma once

#include "app/opened.h"

#include <string>
#include <utility>
#include <vector>

namespace rowgate::app {

/// `report NAME --link LIFE`.
struct LinkOrder {
  std::vector<std::pair<std::string, std::string>> params;
  std::string life;  ///< "24h"
};
/// Makes a link and prints its address.
Result<void> make_link(const Opened& at, const Terminal& terminal, const report::Definition& report,
                       const LinkOrder& order);

}  // namespace rowgate::app
