#pragma once

#include "db/database.h"
#include "io/files.h"
#include "io/transcoded.h"
#include "load/loader.h"
#include "load/table_config.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate::load {

/// How one file is to be loaded, as a caller says it: every member is a text as typed, so that a run that
/// waits in the queue can be written to its state file and made anew after a restart.
struct LoadOptions {
  std::string mode = "append";                  ///< append, replace, upsert
  std::string on_reject = "skip";               ///< skip, abort
  std::optional<std::string> max_rejects = {};  ///< "100", "5%"; else the table's, else the limits'
  std::optional<std::string> delimiter = {};    ///< one character, or "tab"
  std::optional<std::string> encoding = {};     ///< "utf-8", "utf-16", "iso-8859-1", "windows-1252"
  std::optional<std::string> map = {};          ///< "a:b,c:d"
  std::string parent = {};                      ///< a run's whole id
  bool dry_run = false;
};

/// Whether the options can be followed, before there is a file. Fails with request.invalid, naming the
/// option.
Result<void> check(const LoadOptions& options);

/// Checks the options and makes the request for `table`; `file` is as received (compressed, in its own
/// encoding). A table that is not configured is loaded by the schema kept in the database or by inference.
/// `unpack` bounds what comes out of a compressed file. Fails as check() and io::decompressed do. The request
/// refers to `catalog`.
Result<LoadRequest> make_request(const Catalog& catalog, const db::TableName& table,
                                 const LoadOptions& options, std::shared_ptr<io::SourceFile> file,
                                 const std::optional<io::UnpackLimits>& unpack = {});

/// The text form of single options. Fail with request.invalid.
Result<db::Mode> read_mode(std::string_view word);
Result<char> read_delimiter(std::string_view text);           ///< one ASCII character, or "tab"
Result<table::NameMap> read_name_map(std::string_view text);  ///< "full_name:name,dept:department_id"
Result<io::Encoding> read_encoding(std::string_view label);

}  // namespace rowgate::load
