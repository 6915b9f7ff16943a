#pragma once

#include "http/message.h"
#include "http/service.h"

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace rowgate::http {

/// A request on its way to its handler.
struct Call {
  Service& service;
  Request& request;
  std::map<std::string, std::string, std::less<>> params = {};  ///< of the path: {"table", "jobs"}
  const KeySettings* key = nullptr;                             ///< null: auth.mode none
  bool may_see_table(std::string_view table) const;
  bool may_see_report(std::string_view report) const;
};

/// How errors of a route are told: RFC 9457, or as one line of plain text (the original API).
enum class ErrorForm : std::uint8_t { Problem, PlainText };

/// One row of the route table. `prepare` (may be null: the route takes no body) judges everything that can be
/// judged before the body and says what is to be done with the body.
struct Route {
  std::string_view method;
  std::string_view pattern;  ///< "/v1/tables/{table}/rows"; also the `route` label of metrics
  Scope scope = Scope::None;
  Result<Accepted> (*prepare)(Call& call) = nullptr;
  Result<Reply> (*handle)(Call& call, std::unique_ptr<BodyReceiver> body) = nullptr;
  ErrorForm errors = ErrorForm::Problem;
};

/// All routes; routes that the configuration adds (a report's `route:`) are found by their own table.
std::span<const Route> routes();

}  // namespace rowgate::http
