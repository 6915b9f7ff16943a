#include "api/application.h"

#include "api/core/health.h"
#include "api/core/log.h"
#include "api/core/metrics.h"
#include "api/core/negotiation.h"
#include "api/cors.h"
#include "api/handlers/handlers.h"
#include "api/site.h"
#include "base/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <set>

namespace rowgate::api {
namespace {

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> all;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    all.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

Problem bad_parameter(const std::string& name, std::string message, std::string hint) {
  return {.error = {Code::RequestInvalid, std::move(message), std::move(hint)},
          .items = {{.code = Code::RequestInvalid, .field = shown(name)}}};
}

std::optional<Problem> judge_parameters(const Call& call) {
  if (call.route->query == "*" || call.route->is_original) return std::nullopt;
  const std::vector<std::string> known = words(call.route->query);
  std::set<std::string_view> seen;
  for (const auto& [name, value] : call.request.query) {
    if (std::ranges::find(known, name) == known.end()) {
      const std::string near = nearest(name, known);
      return bad_parameter(name, fmt::format("there is no parameter \"{}\"", shown(name)),
                           near.empty() ? "" : fmt::format("did you mean {}?", near));
    }
    if (!seen.insert(name).second)
      return bad_parameter(name, fmt::format("the parameter \"{}\" stands twice", shown(name)),
                           "give it once");
  }
  return std::nullopt;
}

std::optional<Problem> judge_form(Call& call) {
  if (call.route->produces.empty()) return std::nullopt;
  call.form = best_form(call.route->produces, call.request.header("accept").value_or(std::string_view()));
  if (!call.form.empty()) return std::nullopt;
  return Problem{.error = {Code::RequestNotAcceptable, "the Accept header excludes every form of the answer",
                           fmt::format("the forms are {}", fmt::join(words(call.route->produces), ", "))}};
}

void set_default(http::Response& response, std::string_view name, std::string_view value) {
  const auto found = std::ranges::find(response.headers, name, &http::Fields::value_type::first);
  if (found == response.headers.end()) response.set(std::string(name), std::string(value));
}

/// The limit of a file that is too large, and the way out where there is one.
void add_file_limit(const Settings& settings, const http::Request& request, const Route& route,
                    Problem& problem) {
  if (request.parameter("source")) {
    problem.limit = settings.limits.max_upload_bytes;
    return;
  }
  problem.headers.emplace_back("Upload-Limit", fmt::format("max-size={}", route.limit_bytes(settings)));
  if (settings.offers_sources)
    problem.error.hint = "POST /v1/sources tells where to put a larger file; then load it by ?source=KEY";
}

/// Headers that a problem of this code always has, and the limit that was exceeded.
void add_route_details(const Settings& settings, const http::Request* request, const Route* route,
                       Problem& problem) {
  const auto add = [&problem](std::string_view name, std::string value) {
    problem.headers.emplace_back(name, std::move(value));
  };
  if (route == nullptr || request == nullptr) return;
  const bool is_upload = route->accepts.find("text/csv") != std::string_view::npos;
  switch (problem.error.code) {
    case Code::AuthForbidden:
      add("WWW-Authenticate",
          fmt::format("Bearer realm=\"rowgate\", error=\"insufficient_scope\", scope=\"{}\"",
                      name(route->scope)));
      break;
    case Code::RequestUnsupportedMedia:
      add("Accept-Post", fmt::format("{}", fmt::join(words(route->accepts), ", ")));
      break;
    case Code::RequestUnsupportedEncoding:
      add("Accept-Encoding", is_upload ? "gzip, zstd" : "identity");
      break;
    case Code::LimitBytes:
      if (!problem.limit) problem.limit = route->limit_bytes != nullptr ? route->limit_bytes(settings) : 0;
      if (is_upload) add_file_limit(settings, *request, *route, problem);
      break;
    default:
      break;
  }
}

}  // namespace

RoutedApplication::RoutedApplication(std::shared_ptr<Service> service)
    : service_(std::move(service)), authenticator_(service_->clock) {}

void RoutedApplication::replace(std::shared_ptr<Service> service) {
  {
    const std::scoped_lock lock(mutex_);
    service_.swap(service);
  }
}  // what was replaced goes here where no request has it, and takes time to go

std::shared_ptr<Service> RoutedApplication::current() const {
  const std::scoped_lock lock(mutex_);
  return service_;
}

std::shared_ptr<Service> RoutedApplication::serving(const http::Request* request) const {
  return request != nullptr && request->service ? request->service : current();
}

std::optional<http::Response> RoutedApplication::quick(const http::Request& request) {
  if ((request.method != "GET" && request.method != "HEAD") || request.target != "/livez")
    return std::nullopt;
  const std::shared_ptr<Service> service = serving(&request);
  return complete(liveness(*service), &request, match(*service, request));
}

http::Crew RoutedApplication::crew_of(const http::Request& request) {
  const std::vector<std::string>& path = request.segments;
  if (path.size() == 1 && is_probe("/" + path[0])) return http::Crew::Probes;
  return path.size() > 1 && path[0] == "v1" && path[1] == "tables" ? http::Crew::Readers
                                                                   : http::Crew::Workers;
}

std::variant<http::Accepted, http::Response> RoutedApplication::begin(http::Request& request) {
  request.service = current();
  Service& service = *request.service;
  service.metrics.request_began();
  request.has_begun = true;
  const Match found = match(service, request);
  const Route* route = found.find(request.method);
  if (const Result<void> judged = check_site(service.settings, request, found); !judged)
    return tell(&request, found, route, {.error = judged.error()});
  if (route != nullptr && is_served(request, *route)) {
    Call call{.service = service, .request = request, .params = found.params, .route = route};
    std::variant<http::Accepted, Problem> judged = judge(call);
    if (auto* accepted = std::get_if<http::Accepted>(&judged)) return std::move(*accepted);
    return tell(&request, found, route, std::get<Problem>(std::move(judged)));
  }
  if (route == nullptr && is_preflight(service.settings, request, found))
    return complete({.status = 204}, &request, found);
  return tell(&request, found, nullptr, without_route(request, found));
}

std::variant<http::Accepted, Problem> RoutedApplication::judge(Call& call) {
  if (auto problem = authorize(call)) return *std::move(problem);
  if (auto problem = judge_parameters(call)) return *std::move(problem);
  if (auto problem = judge_form(call)) return *std::move(problem);
  if (call.route->prepare == nullptr) return http::Accepted{};
  Result<http::Accepted> accepted = call.route->prepare(call);
  if (!accepted) return Problem{.error = std::move(accepted).error()};
  return *std::move(accepted);
}

std::optional<Problem> RoutedApplication::authorize(Call& call) {
  const bool is_free = call.route->scope == Scope::None || call.request.is_own || call.request.is_admin;
  const Service& service = call.service;
  if (!service.settings.needs_keys || is_free) return std::nullopt;
  const Result<std::shared_ptr<const KeySettings>> key =
      authenticator_.authenticate(call.request, {call.request.service, &service.settings.keys});
  if (!key) {
    Problem problem{.error = key.error()};
    if (key.error().code == Code::AuthTooManyFailures) {
      service.metrics.auth_failed("blocked");
      problem.retry_after =
          std::max(std::chrono::seconds(1), authenticator_.wait(call.request.remote_address));
      return problem;
    }
    const bool has_key = !sent_key(call.request).empty();
    service.metrics.auth_failed(has_key ? "unknown" : "missing");
    problem.headers.emplace_back("WWW-Authenticate", has_key
                                                         ? "Bearer realm=\"rowgate\", error=\"invalid_token\""
                                                         : "Bearer realm=\"rowgate\"");
    return problem;
  }
  call.key = key->get();
  call.request.key = *key;
  call.request.principal = "key:" + call.key->name;
  if (has_scope(*call.key, call.route->scope)) return std::nullopt;
  service.metrics.auth_failed("scope");
  return Problem{.error = {Code::AuthForbidden,
                           fmt::format("the key \"{}\" has not the scope {}", shown(call.key->name),
                                       name(call.route->scope)),
                           "use a key that has it"}};
}

http::Reply RoutedApplication::answer(http::Request& request, std::unique_ptr<http::BodyReceiver> body) {
  Service& service = *request.service;  // as begin() has set it
  const Match found = match(service, request);
  const Route* route = found.find(request.method);
  Call call{.service = service,
            .request = request,
            .params = found.params,
            .key = request.key.get(),
            .route = route};
  judge_form(call);
  Result<http::Reply> reply = fail(Code::InternalError, "the handler gave no answer");
  try {
    reply = route->handle(call, std::move(body));
  } catch (const std::exception& error) {  // a bug, or no memory: this request fails, the server stays
    reply = fail(Code::InternalError, error.what());
  }
  if (!reply) return tell(&request, found, route, {.error = std::move(reply).error()});
  if (auto* response = std::get_if<http::Response>(&*reply))
    return complete(std::move(*response), &request, found);
  http::Later later = std::get<http::Later>(*std::move(reply));
  later.answer = [this, &request, found, wanted = std::move(later.answer)] {
    return complete(wanted(), &request, found);
  };
  return later;
}

http::Response RoutedApplication::trouble(const http::Request* request, const Error& error) {
  const std::shared_ptr<Service> service = serving(request);
  const Match found = request != nullptr ? match(*service, *request) : Match{};
  return tell(request, found, request != nullptr ? found.find(request->method) : nullptr, {.error = error});
}

void RoutedApplication::finished(const http::Request* request, const http::Exchange& exchange) {
  const std::shared_ptr<Service> service = serving(request);
  const Match found = request != nullptr ? match(*service, *request) : Match{};
  if (request != nullptr && request->has_begun)
    service->metrics.request_ended(found.pattern, request->method, exchange);
  service->log.request(request, found.pattern, exchange);
}

Problem RoutedApplication::without_route(const http::Request& request, const Match& found) const {
  const std::string path = request.target.substr(0, request.target.find('?'));
  const bool is_here = !found.methods.empty() && is_served(request, *found.methods.front());
  if (is_here)
    return {.error = {Code::RequestMethodNotAllowed,
                      fmt::format("{} is not allowed at {}", shown(request.method, 20), shown(path)),
                      fmt::format("use one of {}", found.allow())},
            .headers = {{"Allow", found.allow()}}};
  Problem problem{.error = {Code::RequestNotFound, fmt::format("there is nothing at {}", shown(path))}};
  http::Request without_slash = request;
  without_slash.trailing_slash = false;
  without_slash.target = path.substr(0, path.size() - 1);
  if (request.trailing_slash && !match(*serving(&request), without_slash).pattern.empty())
    problem.error.hint = "leave out the slash at its end";
  return problem;
}

bool RoutedApplication::is_served(const http::Request& request, const Route& route) const {
  if (request.is_admin) return route.is_operations;
  if (route.handle != show_metrics) return true;
  return std::ranges::none_of(request.service->settings.server.listeners, &http::Listener::is_admin);
}

http::Response RoutedApplication::tell(const http::Request* request, const Match& found, const Route* route,
                                       Problem problem) {
  const std::shared_ptr<Service> service = serving(request);
  if (is_kept_back(problem.error.code)) service->log.error(request, problem.error);
  add_route_details(service->settings, request, route, problem);
  return complete(problem_response(service->settings, request, route, problem), request, found);
}

http::Response RoutedApplication::complete(http::Response response, const http::Request* request,
                                           const Match& found) const {
  set_default(response, "X-Content-Type-Options", "nosniff");
  set_default(response, "Cache-Control", "no-store");
  const Route* route = request != nullptr ? found.find(request->method) : nullptr;
  if (route != nullptr && route->produces.find(' ') != std::string_view::npos)
    set_default(response, "Vary", "Accept");
  if (request != nullptr) {
    set_default(response, "Request-Id", request->id);
    const std::shared_ptr<Service> service = serving(request);
    // A browser that was here by TLS does not come back without (RFC 6797).
    if (request->tls && service->settings.server.tls_certificate)
      set_default(response, "Strict-Transport-Security", "max-age=31536000");
    add_cors(service->settings, *request, found, response);
  }
  return response;
}

}  // namespace rowgate::api
