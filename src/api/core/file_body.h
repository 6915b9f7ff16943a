#pragma once

#include "http/message.h"
#include "http/multipart.h"
#include "io/digest.h"
#include "load/upload.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rowgate::api {

/// What the head of a request says about the file in its body.
struct FileHead {
  std::string boundary = {};                ///< of a form; empty: the body is the file
  std::optional<std::string> charset = {};  ///< as declared by the media type
  bool is_compressed = false;               ///< Content-Encoding: gzip or zstd
  std::optional<std::string> sha256 = {};   ///< of the body as sent, hex, from Content-Digest or Repr-Digest
};

/// The media types that a file may come as, for Accept-Post.
inline constexpr std::string_view kFileTypes =
    "text/csv, application/csv, text/plain, application/octet-stream, multipart/form-data";
/// The content codings of a file, for Accept-Encoding.
inline constexpr std::string_view kFileCodings = "gzip, zstd";

/// Judges Content-Type, Content-Encoding, Content-Digest and Repr-Digest (RFC 9530). A body without media
/// type is taken as text/csv. `lenient` also takes application/x-www-form-urlencoded as a plain body, which
/// is what curl says of --data-binary. Fails with request.unsupported_media, request.unsupported_encoding,
/// request.one_file_expected (a form without boundary), request.invalid (a digest that is none).
Result<FileHead> read_file_head(const http::Request& request, bool lenient);

/// Receives a file, plain or as the only file of a form, into an upload. Ordinary form fields are read past.
class FileBody : public http::BodyReceiver {
 public:
  FileBody(FileHead head, load::Upload upload);

  /// Fails with request.one_file_expected, limit.bytes, storage.*.
  Result<void> take(std::span<const char> bytes) override;
  /// Fails with request.one_file_expected, request.digest_mismatch, file.bad_compression (declared, but not
  /// so), storage.*.
  Result<void> finish() override;

  std::uint64_t bytes() const { return upload_.size(); }       ///< of the file
  const std::string& file_name() const { return file_name_; }  ///< by the form; may be empty
  const std::optional<std::string>& charset() const { return head_.charset; }
  load::Upload::Received release() { return std::move(*received_); }  ///< once, after finish()

 private:
  Result<void> begin_part(const http::PartHead& part);
  Result<void> write(std::string_view bytes);

  FileHead head_;
  load::Upload upload_;
  std::unique_ptr<http::MultipartParser> form_;
  std::optional<io::Sha256> digest_;  ///< of a form, where one is to be compared
  bool in_file_ = false;
  std::size_t files_ = 0;
  std::string file_name_;
  std::string first_bytes_;
  std::optional<load::Upload::Received> received_;
};

}  // namespace rowgate::api
