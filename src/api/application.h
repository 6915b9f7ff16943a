#pragma once

#include "api/auth.h"
#include "api/core/problem.h"
#include "api/core/service.h"
#include "api/router.h"
#include "http/message.h"

#include <memory>
#include <mutex>
#include <optional>
#include <variant>

namespace rowgate::api {

/// Serves the route table: finds the route of a request, judges key, parameters and Accept, calls the
/// handler, tells errors, and adds what all answers have in common. A request must stay where it is until its
/// answer is complete.
class RoutedApplication : public http::Application {
 public:
  explicit RoutedApplication(std::shared_ptr<Service> service);

  std::optional<http::Response> quick(const http::Request& request) override;
  http::Crew crew_of(const http::Request& request) override;
  std::variant<http::Accepted, http::Response> begin(http::Request& request) override;
  http::Reply answer(http::Request& request, std::unique_ptr<http::BodyReceiver> body) override;
  http::Response trouble(const http::Request* request, const Error& error) override;
  void finished(const http::Request* request, const http::Exchange& exchange) override;

  /// From now on this serves the requests that begin; those that have begun keep what they have.
  void replace(std::shared_ptr<Service> service);
  /// What serves a request that begins now.
  std::shared_ptr<Service> current() const;

 private:
  /// Everything between the route and its handler.
  std::variant<http::Accepted, Problem> judge(Call& call);
  std::optional<Problem> authorize(Call& call);
  /// What serves `request` (may be null): as it was when that began, else as it is now.
  std::shared_ptr<Service> serving(const http::Request* request) const;
  Problem without_route(const http::Request& request, const Match& found) const;
  http::Response tell(const http::Request* request, const Match& found, const Route* route, Problem problem);
  http::Response complete(http::Response response, const http::Request* request, const Match& found) const;
  /// Whether the route is served on the listener that the request came in on.
  bool is_served(const http::Request& request, const Route& route) const;

  mutable std::mutex mutex_;
  std::shared_ptr<Service> service_;  ///< guarded by mutex_; never null
  Authenticator authenticator_;
};

}  // namespace rowgate::api
