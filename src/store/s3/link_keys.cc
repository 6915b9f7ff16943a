#include "base/text.h"
#include "store/s3/client.h"
#include "store/s3_store.h"

#include <fmt/format.h>

#include <string>

namespace rowgate::store {
namespace {

/// The text of the object; nullopt where there is none.
Result<std::optional<std::string>> read_keys(S3Client& client, const std::string& object) {
  TRY_ASSIGN(S3Answer answer, client.call({.name = "GetObject", .method = "GET", .object = object}));
  if (answer.status() == 404) return std::nullopt;
  if (!answer.is_done())
    return fail(Code::StorageDenied, fmt::format("the link keys in '{}' cannot be read (status {})",
                                                 shown(object), answer.status()));
  return std::move(answer.response.body);
}

/// The first server that starts makes them. Where another one was first its keys stay (a server that does not
/// know If-None-Match takes the later ones, so that links of the first seconds may be forged ones
/// afterwards).
Result<void> make_keys(S3Client& client, const std::string& object) {
  TRY_ASSIGN(const std::string text, LinkSigner::new_keys());
  TRY_ASSIGN(const S3Answer answer,
             client.call({.name = "PutObject",
                          .method = "PUT",
                          .object = object,
                          .headers = {{"Content-Type", "application/octet-stream"}, {"If-None-Match", "*"}},
                          .body = text}));
  if (answer.is_done() || answer.status() == 412 || answer.status() == 409) return {};
  return fail(Code::StorageDenied, fmt::format("the link keys cannot be made as '{}' (status {})",
                                               shown(object), answer.status()));
}

}  // namespace

Result<LinkSigner> s3_link_signer(S3Settings settings) {
  S3Client client(std::move(settings));
  const std::string& prefix = client.settings().prefix;
  const std::string object =
      prefix.empty() ? std::string(kLinkKeysFile) : fmt::format("{}/{}", prefix, kLinkKeysFile);
  const std::string where = fmt::format("s3://{}/{}", client.settings().bucket, object);
  TRY_ASSIGN(std::optional<std::string> text, read_keys(client, object));
  if (!text) {
    TRY(make_keys(client, object));
    TRY_ASSIGN(text, read_keys(client, object));
    if (!text) return fail(Code::StorageDenied, fmt::format("the link keys '{}' disappeared", shown(where)));
  }
  return LinkSigner::from_text(where, *text);
}

}  // namespace rowgate::store
