#pragma once

#include "api/core/settings.h"
#include "base/error.h"
#include "db/run_record.h"
#include "http/message.h"

#include <iosfwd>
#include <memory>
#include <string_view>

namespace rowgate::api {

/// The log: one JSON object a line on stderr, or lines for people on a terminal. Control characters are
/// escaped. Never holds values of cells, parameters of SQL, keys, or the query of an address. Thread safe.
class Log {
 public:
  /// `out`: instead of stderr.
  explicit Log(const LogSettings& settings, std::ostream* out = nullptr);
  ~Log();

  using Level = LogSettings::Level;
  /// From now on the log is written so.
  void use(const LogSettings& settings);
  /// Something that is about no request and no run: "listening", "stopping".
  void event(Level level, std::string_view event, std::string_view message);
  /// An exchange that is over. `route`: the pattern, empty where the path led nowhere; `request` may be null.
  void request(const http::Request* request, std::string_view route, const http::Exchange& exchange);
  /// The whole of an error of which the client was told less.
  void error(const http::Request* request, const Error& error);
  /// A run that begins, goes on or has ended.
  void run(const db::RunRecord& run);
  /// Something that went wrong beside a run that is loaded all the same: "not_kept".
  void trouble(const db::RunRecord& run, std::string_view event, const Error& error);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rowgate::api
