#include "db/mysql/infile.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <random>

namespace rowgate::db::mysql {
namespace {

constexpr std::string_view kRefusal = "the server asked for a file that this statement does not send";
constexpr int kUnknownError = 2000;  // CR_UNKNOWN_ERROR

std::uint64_t random_number() {
  static const std::uint64_t seed = [] {
    std::random_device random;
    return (std::uint64_t{random()} << 32) | random();
  }();
  static std::atomic<std::uint64_t> count = 0;
  return seed + count++;
}

extern "C" {

int begin_infile(void** session, const char* name, void* user) {
  *session = user;
  auto* infile = static_cast<Infile*>(user);
  return infile != nullptr && name != nullptr && infile->begin(name) ? 0 : 1;
}

int read_infile(void* session, char* into, unsigned size) {
  return static_cast<int>(static_cast<Infile*>(session)->read(into, size));
}

void end_infile(void*) {}

int explain_infile(void*, char* into, unsigned size) {
  const std::size_t length = std::min<std::size_t>(kRefusal.size(), size == 0 ? 0 : size - 1);
  std::memcpy(into, kRefusal.data(), length);
  if (size > 0) into[length] = '\0';
  return kUnknownError;
}

}  // extern "C"

}  // namespace

Infile::Infile(std::string_view text) : name_(fmt::format("rowgate-{:016x}", random_number())), text_(text) {}

bool Infile::begin(std::string_view asked) {
  if (asked != name_ || is_open_) return false;
  is_open_ = true;
  return true;
}

std::size_t Infile::read(char* into, std::size_t size) {
  const std::size_t part = std::min(size, text_.size());
  std::memcpy(into, text_.data(), part);
  text_.remove_prefix(part);
  return part;
}

void answer_from_memory(MYSQL* connection, Infile* infile) {
  mysql_set_local_infile_handler(connection, begin_infile, read_infile, end_infile, explain_infile, infile);
}

}  // namespace rowgate::db::mysql
