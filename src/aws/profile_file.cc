#include "aws/profile_file.h"

#include "base/text.h"

namespace rowgate::aws {
namespace {

/// Up to a comment, which is a # or ; behind a space.
std::string_view without_comment(std::string_view value) {
  for (std::size_t i = 1; i < value.size(); ++i)
    if ((value[i] == '#' || value[i] == ';') && (value[i - 1] == ' ' || value[i - 1] == '\t'))
      return trim_spaces(value.substr(0, i));
  return value;
}

}  // namespace

ProfileFile parse_profile_file(std::string_view text) {
  ProfileFile file;
  std::string section;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#' || line.front() == ';' || line.front() == ' ' ||
        line.front() == '\t')
      continue;
    if (line.front() == '[') {
      const std::size_t close = line.find(']');
      section = close == std::string_view::npos ? std::string()
                                                : std::string(trim_spaces(line.substr(1, close - 1)));
      continue;
    }
    const std::size_t equals = line.find('=');
    if (section.empty() || equals == std::string_view::npos) continue;
    file[section][lower_ascii(trim_spaces(line.substr(0, equals)))] =
        without_comment(trim_spaces(line.substr(equals + 1)));
  }
  return file;
}

}  // namespace rowgate::aws
