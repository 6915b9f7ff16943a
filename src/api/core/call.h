#pragma once

#include "api/core/service.h"
#include "http/message.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace rowgate::api {

struct Route;

/// A request on its way to its handler.
struct Call {
  Service& service;
  http::Request& request;
  std::map<std::string, std::string, std::less<>> params = {};  ///< of the path: {"table", "jobs"}
  const KeySettings* key = nullptr;                             ///< null: auth.mode none
  const Route* route = nullptr;
  std::string_view form = {};  ///< the one of route->produces that the client likes best
  bool may_see_table(std::string_view table) const;
  bool may_see_report(std::string_view report) const;
};

/// How errors of a route are told: RFC 9457, or as one line of plain text (the original API).
enum class ErrorForm : std::uint8_t { Problem, PlainText };

/// One row of the route table. `prepare` (may be null: the route takes no body) judges everything that can be
/// judged before the body and says what is to be done with the body.
struct Route {
  std::string_view method;   ///< GET answers HEAD too
  std::string_view pattern;  ///< "/v1/tables/{table}/rows"; also the `route` label of metrics
  Scope scope = Scope::None;
  Result<http::Accepted> (*prepare)(Call& call) = nullptr;
  Result<http::Reply> (*handle)(Call& call, std::unique_ptr<http::BodyReceiver> body) = nullptr;
  ErrorForm errors = ErrorForm::Problem;
  /// The query parameters, separated by spaces; any other, and one that stands twice, is 400. "*": the
  /// handler judges them itself.
  std::string_view query = {};
  /// Media types of the answer, separated by spaces, the usual one first; where Accept excludes all of them
  /// it is 406. Empty: Accept does not matter.
  std::string_view produces = {};
  /// Media types of the body, separated by spaces; told with 415. Empty: no body is wanted.
  std::string_view accepts = {};
  /// The value of the limit of the body, told with limit.bytes; null: there is none.
  std::uint64_t (*limit_bytes)(const Settings& settings) = nullptr;
  /// The line that tells `error` in ErrorForm::PlainText; null: its message.
  std::string (*error_line)(const Settings& settings, const Error& error) = nullptr;
  bool is_original = false;    ///< one of the original API: off with compat.enabled, CORS by compat.cors
  bool is_operations = false;  ///< answers on server.admin_listen too
};

/// What monitors ask every few seconds: health and metrics.
bool is_probe(std::string_view pattern);

/// `text` fits `glob`, in which * stands for any characters.
bool fits_glob(std::string_view glob, std::string_view text);

}  // namespace rowgate::api
