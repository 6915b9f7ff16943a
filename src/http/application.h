#pragma once

#include "http/auth.h"
#include "http/message.h"
#include "http/problem.h"
#include "http/router.h"
#include "http/service.h"

#include <memory>
#include <mutex>
#include <optional>
#include <variant>

namespace rowgate::http {

/// Serves the route table: finds the route of a request, judges key, parameters and Accept, calls the
/// handler, tells errors, and adds what all answers have in common. A request must stay where it is until its
/// answer is complete.
class RoutedApplication : public Application {
 public:
  explicit RoutedApplication(std::shared_ptr<Service> service);

  std::optional<Response> quick(const Request& request) override;
  Crew crew_of(const Request& request) override;
  std::variant<Accepted, Response> begin(Request& request) override;
  Reply answer(Request& request, std::unique_ptr<BodyReceiver> body) override;
  Response trouble(const Request* request, const Error& error) override;
  void finished(const Request* request, const Exchange& exchange) override;

  /// From now on this serves the requests that begin; those that have begun keep what they have.
  void replace(std::shared_ptr<Service> service);
  /// What serves a request that begins now.
  std::shared_ptr<Service> current() const;

 private:
  /// Everything between the route and its handler.
  std::variant<Accepted, Problem> judge(Call& call);
  std::optional<Problem> authorize(Call& call);
  /// What serves `request` (may be null): as it was when that began, else as it is now.
  std::shared_ptr<Service> serving(const Request* request) const;
  Problem without_route(const Request& request, const Match& found) const;
  Response tell(const Request* request, const Match& found, const Route* route, Problem problem);
  Response complete(Response response, const Request* request, const Match& found) const;
  /// Whether the route is served on the listener that the request came in on.
  bool is_served(const Request& request, const Route& route) const;

  mutable std::mutex mutex_;
  std::shared_ptr<Service> service_;  ///< guarded by mutex_; never null
  Authenticator authenticator_;
};

}  // namespace rowgate::http
