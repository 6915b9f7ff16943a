#pragma once

// Files that clients put into the bucket of the store themselves, since they are too large for a request.
// They lie there as uploads/<table>/<id>/<file name>, with "-" for a table that is not said yet; nothing else
// in the bucket can be named by a client.

#include "api/core/call.h"
#include "load/upload.h"

#include <optional>
#include <string>
#include <string_view>

namespace rowgate::api {

/// In place of the table in a key that may go into any.
inline constexpr std::string_view kNoTable = "-";

/// What the key of such a file tells.
struct SourceKey {
  std::string table;          ///< empty: any
  std::string id, file_name;  ///< "upl_..."
};
/// nullopt for what is no such key.
std::optional<SourceKey> read_source_key(std::string_view key);
/// The key of a new one; `table` empty: any.
std::string new_source_key(std::string_view table, std::string_view file_name, Timestamp now);

/// The store's own way to take files. Fails with source.not_offered where it has none: a local folder.
Result<store::AddressSigner*> source_taker(const Service& service);

/// Judges `?source=` before anything is asked of the bucket. Fails with source.not_offered, source.unknown,
/// and request.invalid where the file is for another table or the request has a body too.
Result<SourceKey> check_source(const Call& call, std::string_view table);
/// The file's bytes as if they had been sent, into `upload`. Blocks. Fails with source.unknown, limit.bytes,
/// storage.*.
Result<load::Upload::Received> fetch_source(const Call& call, load::Upload upload);

}  // namespace rowgate::api
