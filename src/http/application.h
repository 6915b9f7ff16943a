#pragma once

#include "http/auth.h"
#include "http/message.h"
#include "http/problem.h"
#include "http/router.h"
#include "http/service.h"

namespace rowgate::http {

/// Serves the route table: finds the route of a request, judges key, parameters and Accept, calls the
/// handler, tells errors, and adds what all answers have in common. A request must stay where it is until its
/// answer is complete.
class RoutedApplication : public Application {
 public:
  explicit RoutedApplication(Service& service);

  std::optional<Response> quick(const Request& request) override;
  std::variant<Accepted, Response> begin(Request& request) override;
  Reply answer(Request& request, std::unique_ptr<BodyReceiver> body) override;
  Response trouble(const Request* request, const Error& error) override;
  void finished(const Request* request, const Exchange& exchange) override;

  /// From now on these are the API keys; requests that were accepted before keep theirs.
  void replace_keys(std::vector<KeySettings> keys) { authenticator_.replace(std::move(keys)); }

 private:
  /// Everything between the route and its handler.
  std::variant<Accepted, Problem> judge(Call& call);
  std::optional<Problem> authorize(Call& call);
  Problem without_route(const Request& request, const Match& found) const;
  Response tell(const Request* request, const Match& found, const Route* route, Problem problem);
  Response complete(Response response, const Request* request, const Match& found) const;
  /// Whether the route is served on the listener that the request came in on.
  bool is_served(const Request& request, const Route& route) const;

  Service& service_;
  Authenticator authenticator_;
};

}  // namespace rowgate::http
