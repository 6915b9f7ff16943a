#include "config/key_file.h"

#include "base/text.h"

#include <fmt/format.h>
#include <sys/stat.h>

namespace rowgate::config {

std::string key_file_warning(const api::Settings& settings) {
  if (!settings.server.tls_key) return {};
  struct stat about{};
  if (::stat(settings.server.tls_key->c_str(), &about) != 0 || (about.st_mode & S_IROTH) == 0) return {};
  return fmt::format("every user of this machine can read the private key '{}'",
                     shown(*settings.server.tls_key, 400));
}

}  // namespace rowgate::config
