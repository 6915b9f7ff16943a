#include "api/core/sources.h"

#include "api/core/lookups.h"
#include "base/ids.h"
#include "base/text.h"

#include <fmt/format.h>

#include <vector>

namespace rowgate::api {
namespace {

constexpr std::string_view kFolder = "uploads", kIdPrefix = "upl_";
constexpr std::size_t kLevels = 4, kCopiedAtOnce = kMiB;

/// In the same words, whether the key is none or nothing lies there.
std::unexpected<Error> unknown(std::string_view key) {
  return fail(Code::SourceUnknown, fmt::format("there is no source \"{}\"", shown(key)),
              "POST /v1/sources gives a key; put the file there first");
}

std::string_view key_of(const Call& call) {
  return call.request.parameter("source").value_or("");
}

Result<void> copy(io::SourceFile& from, load::Upload& upload) {
  TRY_ASSIGN(const std::unique_ptr<io::Source> source, from.open(0));
  std::vector<char> piece(kCopiedAtOnce);
  for (;;) {
    TRY_ASSIGN(const std::size_t got, source->read(piece));
    if (got == 0) return {};
    TRY(upload.write(std::span(piece).first(got)));
  }
}

}  // namespace

std::optional<SourceKey> read_source_key(std::string_view key) {
  if (!store::is_key(key)) return std::nullopt;
  std::vector<std::string_view> levels;
  for (std::string_view rest = key; !rest.empty();) {
    levels.push_back(rest.substr(0, rest.find('/')));
    rest.remove_prefix(std::min(levels.back().size() + 1, rest.size()));
  }
  if (levels.size() != kLevels || levels[0] != kFolder || !is_id(levels[2], kIdPrefix)) return std::nullopt;
  return SourceKey{.table = levels[1] == kNoTable ? std::string() : std::string(levels[1]),
                   .id = std::string(levels[2]),
                   .file_name = std::string(levels[3])};
}

std::string new_source_key(std::string_view table, std::string_view file_name, Timestamp now) {
  return fmt::format("{}/{}/{}/{}", kFolder, table.empty() ? kNoTable : table, new_id(kIdPrefix, now),
                     file_name);
}

Result<store::AddressSigner*> source_taker(const Service& service) {
  if (store::AddressSigner* taker = service.store.address_signer()) return taker;
  return fail(Code::SourceNotOffered, "the storage of this server is a local folder, so it takes no sources",
              "send the file as the body of the load");
}

Result<SourceKey> check_source(const Call& call, std::string_view table) {
  TRY(source_taker(call.service));
  const std::optional<SourceKey> key = read_source_key(key_of(call));
  if (!key) return unknown(key_of(call));
  if (!key->table.empty() && key->table != table)
    return fail(Code::RequestInvalid, fmt::format("the source is for the table \"{}\"", shown(key->table)),
                "load it there, or make one without a table");
  if (call.request.content_length.value_or(0) != 0)
    return fail(Code::RequestInvalid, "a source and a body are two files", "leave one of them out");
  return *key;
}

Result<load::Upload::Received> fetch_source(const Call& call, load::Upload upload) {
  const std::string key(key_of(call));
  const Result<std::shared_ptr<io::SourceFile>> file = call.service.store.file(key);
  if (!file && file.error().code == Code::FileNotFound) return unknown(key);
  if (!file) return std::unexpected(file.error());
  const std::uint64_t most = call.service.settings.limits.max_upload_bytes;
  if ((*file)->stored_size() > most)
    return fail(Code::LimitBytes, fmt::format("the source is larger than {}", bytes_text(most)),
                "split the file, compress it, or raise limits.max_upload_bytes");
  TRY(copy(**file, upload));
  return upload.finish();
}

}  // namespace rowgate::api
