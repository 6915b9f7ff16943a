#include "http/handlers/handlers.h"
#include "http/metrics.h"
#include "http/replies.h"

#include <fmt/format.h>

namespace rowgate::http {
namespace {

using Verdict = store::LinkSigner::Verdict;

std::unexpected<Error> expired(std::string message) {
  return fail(Code::ReportLinkExpired, std::move(message), "make a new link of the report");
}

/// The link's id in "reports/lnk_.../hires.csv".
std::string_view id_in(std::string_view object) {
  const std::size_t begin = object.find('/') + 1;
  return object.substr(begin, object.find('/', begin) - begin);
}

/// The file of a link that was once good, if it is still there.
Result<Reply> give(const Call& call, const std::string& object) {
  Metrics& metrics = call.service.metrics;
  const Result<db::LinkRecord> link = call.service.links.find(id_in(object));
  const bool gone = link ? !call.service.links.is_live(*link) || report::object_of(*link) != object
                         : link.error().code == Code::ReportLinkUnknown;
  if (!link && !gone) return std::unexpected(link.error());
  const Result<std::shared_ptr<io::SourceFile>> file =
      gone ? fail(Code::FileNotFound, "") : call.service.store.file(object);
  if (!file && file.error().code == Code::FileNotFound) {
    metrics.link_downloaded(Metrics::Download::Gone);
    return expired("the link was revoked");
  }
  if (!file) return std::unexpected(file.error());
  metrics.link_downloaded(Metrics::Download::Ok);
  TRY_ASSIGN(Response response, file_response(call, *file, "text/csv", link->sha256, link->filename));
  response.set("Cache-Control", "private, no-store");
  return response;
}

}  // namespace

Result<Reply> download(Call& call, Body) {
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

}  // namespace rowgate::http
