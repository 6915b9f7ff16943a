#include "api/core/file_body.h"

#include "base/base64.h"
#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace rowgate::api {
namespace {

constexpr std::array<std::string_view, 4> kPlainTypes = {"text/csv", "application/csv", "text/plain",
                                                         "application/octet-stream"};
constexpr std::string_view kForm = "multipart/form-data";
constexpr std::string_view kUrlEncoded = "application/x-www-form-urlencoded";
constexpr std::string_view kGzip = "\x1F\x8B", kZstd = "\x28\xB5\x2F\xFD";

/// What a stream of zstd may have before its data (RFC 8878 section 3.1.2).
bool is_skippable_frame(std::string_view bytes) {
  return bytes.size() >= 4 && (static_cast<unsigned char>(bytes[0]) & 0xF0U) == 0x50 &&
         bytes.substr(1, 3) == "\x2A\x4D\x18";
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char byte : bytes)
    fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned char>(byte));
  return out;
}

Result<void> read_media_type(const http::Request& request, bool lenient, FileHead& head) {
  const std::optional<std::string_view> value = request.header("content-type");
  if (!value || trim_spaces(*value).empty()) return {};
  const std::string type = lower_ascii(trim_spaces(value->substr(0, value->find(';'))));
  const bool known = std::ranges::find(kPlainTypes, type) != kPlainTypes.end() || type == kForm ||
                     (lenient && type == kUrlEncoded);
  if (!known)
    return fail(Code::RequestUnsupportedMedia, fmt::format("a file cannot come as \"{}\"", shown(*value)),
                fmt::format("send it as one of {}", kFileTypes));
  if (type == kForm) {
    head.boundary = http::header_parameter(*value, "boundary").value_or("");
    if (head.boundary.empty() || head.boundary.size() > 70)
      return fail(Code::RequestOneFileExpected, "the form does not say its boundary",
                  "send the form as RFC 7578 says; curl -F does");
  } else if (type != kUrlEncoded) {
    head.charset = http::header_parameter(*value, "charset");
  }
  return {};
}

Result<void> read_coding(const http::Request& request, FileHead& head) {
  const std::string coding = lower_ascii(trim_spaces(request.header("content-encoding").value_or("")));
  if (coding.empty() || coding == "identity") return {};
  if ((coding != "gzip" && coding != "x-gzip" && coding != "zstd") || !head.boundary.empty())
    return fail(Code::RequestUnsupportedEncoding,
                head.boundary.empty() ? fmt::format("the content coding \"{}\" is not known", shown(coding))
                                      : std::string("a form cannot be in a content coding"),
                head.boundary.empty() ? std::string("send it plain, or as gzip or zstd")
                                      : std::string("compress the file inside the form instead"));
  head.is_compressed = true;
  return {};
}

/// The sha-256 member of a dictionary such as `sha-256=:base64:, sha-512=:...:`; other algorithms are passed
/// over.
Result<void> read_digest(std::optional<std::string_view> value, FileHead& head) {
  while (value && !value->empty()) {
    const std::size_t end = std::min(value->find(','), value->size());
    const std::string_view member = trim_spaces(value->substr(0, end));
    value->remove_prefix(std::min(end + 1, value->size()));
    const std::size_t equals = member.find('=');
    if (lower_ascii(member.substr(0, equals)) != "sha-256") continue;
    const std::string_view text = member.substr(std::min(equals, member.size() - 1) + 1);
    const bool wrapped = text.size() > 2 && text.front() == ':' && text.back() == ':';
    const auto bytes = wrapped ? base64_decode(text.substr(1, text.size() - 2)) : std::nullopt;
    if (!bytes || bytes->size() != 32)
      return fail(Code::RequestInvalid, fmt::format("\"{}\" is no sha-256 digest", shown(member)),
                  "write sha-256=:BASE64: (RFC 9530)");
    head.sha256 = hex(*bytes);
  }
  return {};
}

std::unexpected<Error> not_one_file(std::size_t files) {
  return fail(
      Code::RequestOneFileExpected,
      files == 0 ? std::string("the form has no file") : std::string("the form has more than one file"),
      "send exactly one file: curl -F file=@data.csv");
}

}  // namespace

Result<FileHead> read_file_head(const http::Request& request, bool lenient) {
  FileHead head;
  TRY(read_media_type(request, lenient, head));
  TRY(read_coding(request, head));
  TRY(read_digest(request.header("repr-digest"), head));
  TRY(read_digest(request.header("content-digest"), head));
  return head;
}

FileBody::FileBody(FileHead head, load::Upload upload) : head_(std::move(head)), upload_(std::move(upload)) {
  if (head_.boundary.empty()) {
    in_file_ = true;
    files_ = 1;
    return;
  }
  form_ = std::make_unique<http::MultipartParser>(
      head_.boundary,
      http::MultipartParser::Events{.begin = [this](const http::PartHead& part) { return begin_part(part); },
                                    .data = [this](std::string_view bytes) { return write(bytes); }});
  if (head_.sha256) digest_.emplace();
}

/// A browser sends a file field that was left empty as a file without name and bytes.
Result<void> FileBody::begin_part(const http::PartHead& part) {
  in_file_ = part.filename && !part.filename->empty();
  if (!in_file_) return {};
  if (++files_ > 1) return not_one_file(files_);
  file_name_ = *part.filename;
  head_.charset = http::header_parameter(part.content_type, "charset");
  return {};
}

Result<void> FileBody::write(std::string_view bytes) {
  if (!in_file_) return {};
  if (first_bytes_.size() < kZstd.size()) first_bytes_ += bytes.substr(0, kZstd.size() - first_bytes_.size());
  return upload_.write(std::span(bytes.data(), bytes.size()));
}

Result<void> FileBody::take(std::span<const char> bytes) {
  if (digest_) digest_->update(bytes);
  const std::string_view text(bytes.data(), bytes.size());
  return form_ ? form_->feed(text) : write(text);
}

Result<void> FileBody::finish() {
  if (form_) TRY(form_->finish());
  if (files_ != 1) return not_one_file(files_);
  if (head_.is_compressed && !first_bytes_.empty() && !first_bytes_.starts_with(kGzip) &&
      !first_bytes_.starts_with(kZstd) && !is_skippable_frame(first_bytes_))
    return fail(Code::FileBadCompression, "the body is not in the content coding that it is said to have",
                "leave Content-Encoding out, or compress the body");
  TRY_ASSIGN(received_, upload_.finish());
  const std::string found = digest_ ? digest_->hex() : received_->sha256;
  if (head_.sha256 && *head_.sha256 != found)
    return fail(Code::RequestDigestMismatch, "the body is not what its digest says", "send it again");
  return {};
}

}  // namespace rowgate::api
