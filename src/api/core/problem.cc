#include "api/core/problem.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace rowgate::api {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostItems = 20;

/// How long a client should wait before it tries again; nothing where waiting does not help.
std::optional<std::chrono::seconds> usual_wait(Code code) {
  switch (code) {
    case Code::RequestTooManyConnections:
    case Code::RunIdempotencyInProgress:
    case Code::ReportQueueFull:
    case Code::RunQueueFull:
    case Code::TableBusy:
      return std::chrono::seconds(1);
    case Code::DatabaseUnreachable:
    case Code::DatabaseReadOnly:
    case Code::StorageUnreachable:
    case Code::DatabaseDeadlock:
    case Code::RunUndecided:
      return std::chrono::seconds(5);
    case Code::RunDraining:
    case Code::RunInterrupted:
    case Code::StorageFull:
      return std::chrono::seconds(30);
    case Code::AuthTooManyFailures:
      return std::chrono::seconds(60);
    default:
      return std::nullopt;
  }
}

Json item_json(const ProblemItem& item) {
  Json json{{"code", text(item.code)}};
  const auto put = [&json](const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  };
  put("pointer", item.pointer);
  put("file", item.file);
  if (item.line) json["line"] = *item.line;
  if (item.byte) json["byte"] = *item.byte;
  put("field", item.field);
  put("detail", item.detail);
  if ((item.line && item.file.empty()) || !item.found.empty())
    json["found"] = item.found;  // an empty cell is what was found
  put("expected", item.expected);
  put("hint", item.hint);
  return json;
}

std::string problem_json(const Settings& settings, const http::Request* request, const Problem& problem,
                         std::optional<std::chrono::seconds> wait) {
  const std::string request_id = request != nullptr ? request->id : std::string();
  const CodeInfo& about = info(problem.error.code);
  Json json{{"type", fmt::format("{}/problems/{}", settings.url_for(request), about.slug)},
            {"title", about.title},
            {"status", about.http_status},
            {"detail", told_message(problem.error)},
            {"instance", problem.instance.empty() ? request_id : problem.instance},
            {"code", about.text}};
  if (!problem.error.hint.empty() && !is_kept_back(problem.error.code)) json["hint"] = problem.error.hint;
  json["request_id"] = request_id;
  if (problem.limit) json["limit"] = *problem.limit;
  if (wait) json["retry_after"] = wait->count();
  if (!problem.items.empty()) {
    Json items = Json::array();
    for (std::size_t i = 0; i < std::min(problem.items.size(), kMostItems); ++i)
      items.push_back(item_json(problem.items[i]));
    json["errors"] = std::move(items);
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

/// One line, whatever the message holds.
std::string one_line(std::string text) {
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return text;
}

}  // namespace

bool is_kept_back(Code code) {
  const CodeInfo& about = info(code);
  const bool is_about_the_request = about.text.starts_with("request.") || about.text.starts_with("run.");
  return about.http_status >= 500 && !is_about_the_request && code != Code::ReportTimeout;
}

std::string told_message(const Error& error) {
  return is_kept_back(error.code) ? std::string(info(error.code).title) : error.message;
}

http::Response problem_response(const Settings& settings, const http::Request* request, const Route* route,
                                const Problem& problem) {
  http::Response response{.status = info(problem.error.code).http_status, .headers = problem.headers};
  const std::optional<std::chrono::seconds> wait =
      problem.retry_after ? problem.retry_after : usual_wait(problem.error.code);
  if (wait) response.set("Retry-After", fmt::format("{}", wait->count()));
  if (route != nullptr && route->errors == ErrorForm::PlainText) {
    response.set("Content-Type", "text/plain; charset=utf-8");
    response.text = one_line(route->error_line != nullptr ? route->error_line(settings, problem.error)
                                                          : told_message(problem.error));
    return response;
  }
  response.set("Content-Type", "application/problem+json; charset=utf-8");
  response.text = problem_json(settings, request, problem, wait);
  return response;
}

http::Response problem_response(const Call& call, const Problem& problem) {
  return problem_response(call.service.settings, &call.request, call.route, problem);
}

}  // namespace rowgate::api
