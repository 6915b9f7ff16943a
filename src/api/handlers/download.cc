#include "api/core/metrics.h"
#include "api/core/replies.h"
#include "api/handlers/handlers.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace rowgate::api {
namespace {

using Verdict = store::LinkSigner::Verdict;

/// How long an address of the store is good that a link leads to.
constexpr std::chrono::minutes kLead{5};

std::unexpected<Error> expired(std::string message) {
  return fail(Code::ReportLinkExpired, std::move(message), "make a new link of the report");
}

/// The link's id in "reports/lnk_.../hires.csv".
std::string_view id_in(std::string_view object) {
  const std::size_t begin = object.find('/') + 1;
  return object.substr(begin, object.find('/', begin) - begin);
}

/// Leads to the store itself, by an address of a few minutes that ends with the link.
Result<http::Reply> lead_to(store::AddressSigner& signer, const Call& call, const std::string& object,
                            const db::LinkRecord& link) {
  TRY_ASSIGN(const bool is_there, signer.is_there(object));
  if (!is_there) return fail(Code::FileNotFound, "");
  const Timestamp soon{call.service.clock.now().micros + std::chrono::microseconds(kLead).count()};
  TRY_ASSIGN(const store::SignedAddress at,
             signer.address(call.request.method, object, link.filename, std::min(soon, link.expires_at)));
  http::Response response{.status = 302};
  response.set("Location", at.url);
  response.set("Cache-Control", "private, no-store");
  return http::Reply(std::move(response));
}

/// The file, or where it is; fails with file.not_found.
Result<http::Reply> offer(const Call& call, const std::string& object, const db::LinkRecord& link) {
  if (store::AddressSigner* signer = call.service.store.address_signer())
    return lead_to(*signer, call, object, link);
  TRY_ASSIGN(const std::shared_ptr<io::SourceFile> file, call.service.store.file(object));
  TRY_ASSIGN(http::Response response, file_response(call, file, "text/csv", link.sha256, link.filename));
  response.set("Cache-Control", "private, no-store");
  return http::Reply(std::move(response));
}

/// The file of a link that was once good, if it is still there.
Result<http::Reply> give(const Call& call, const std::string& object) {
  Metrics& metrics = call.service.metrics;
  const Result<db::LinkRecord> link = call.service.links.find(id_in(object));
  const bool gone = link ? !call.service.links.is_live(*link) || report::object_of(*link) != object
                         : link.error().code == Code::ReportLinkUnknown;
  if (!link && !gone) return std::unexpected(link.error());
  Result<http::Reply> reply = gone ? fail(Code::FileNotFound, "") : offer(call, object, *link);
  if (!reply && reply.error().code == Code::FileNotFound) {
    metrics.link_downloaded(Metrics::Download::Gone);
    return expired("the link was revoked");
  }
  if (reply) metrics.link_downloaded(Metrics::Download::Ok);
  return reply;
}

}  // namespace

Result<http::Reply> download(Call& call, Body) {
  std::string object;
  switch (call.service.signer.check_target(call.request.target, call.service.clock.now(), &object)) {
    case Verdict::Ok:
      return give(call, object);
    case Verdict::Expired:
      call.service.metrics.link_downloaded(Metrics::Download::Expired);
      return expired("the time of the link is over");
    case Verdict::BadSignature:
      break;
  }
  call.service.metrics.link_downloaded(Metrics::Download::BadSignature);
  return fail(Code::ReportLinkForged, "the link is not as it was signed", "copy the whole link again");
}

}  // namespace rowgate::api
