#pragma once

#include <map>
#include <string>
#include <string_view>

namespace rowgate::aws {

/// The sections of one of AWS's shared files ("~/.aws/credentials", "~/.aws/config"): name of a section
/// ("default", "profile loader") -> its settings. Lines that are none are passed over, as AWS's own tools do;
/// so are settings below a setting (they are indented).
using ProfileFile = std::map<std::string, std::map<std::string, std::string>, std::less<>>;
ProfileFile parse_profile_file(std::string_view text);

}  // namespace rowgate::aws
