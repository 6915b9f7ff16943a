#include "store/s3/writer.h"

#include "base/ids.h"
#include "base/text.h"
#include "base/units.h"
#include "store/s3/xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

namespace rowgate::store {
namespace {

constexpr std::size_t kMostParts = 10'000;
/// Tells whether an object that is there is the one that was written, when its last answer was lost.
constexpr auto kWriteId = "x-amz-meta-rowgate-write";

std::string_view type_of(std::string_view key) {
  if (key.ends_with(".csv")) return "text/csv";
  if (key.ends_with(".jsonl")) return "application/jsonl";
  return "application/octet-stream";
}

class S3Writer : public StoreWriter {
 public:
  S3Writer(std::shared_ptr<S3Client> client, std::string object, const FileKey& key, std::size_t part_bytes)
      : client_(std::move(client)), object_(std::move(object)), key_(key), part_bytes_(part_bytes) {}

  S3Writer(const S3Writer&) = delete;
  S3Writer& operator=(const S3Writer&) = delete;
  ~S3Writer() override {
    if (upload_.empty()) return;
    // What cannot be ended here is ended by a later list().
    (void)client_->call({.name = "AbortMultipartUpload",
                         .method = "DELETE",
                         .object = object_,
                         .query = {{"uploadId", upload_}},
                         .once = true});
  }

  Result<void> write(std::string_view bytes) override {
    if (is_closed_) return closed();
    while (!bytes.empty()) {
      if (part_.size() == part_bytes_) TRY(send_part());
      const std::size_t count = std::min(bytes.size(), part_bytes_ - part_.size());
      if (part_.size() + count > part_bytes_ / 8) part_.reserve(part_bytes_);  // not twice as much
      part_.append(bytes.substr(0, count));
      bytes.remove_prefix(count);
    }
    return {};
  }

  Result<void> close() override {
    if (is_closed_) return closed();
    if (upload_.empty()) {
      TRY(put_whole());
    } else {
      if (!part_.empty()) TRY(send_part());
      TRY(complete());
    }
    is_closed_ = true;
    upload_.clear();
    part_ = {};
    return {};
  }

 private:
  std::unexpected<Error> closed() const {
    return fail(Code::InternalError, fmt::format("'{}' is closed already", shown(key_)));
  }

  std::unexpected<Error> unexpected(std::string_view operation, const S3Answer& answer) const {
    return fail(Code::StorageDenied, fmt::format("{} of '{}' is answered with status {} {}", operation,
                                                 shown(key_), answer.status(), answer.code));
  }

  Result<void> put_whole() {
    TRY_ASSIGN(const S3Answer answer,
               client_->call({.name = "PutObject",
                              .method = "PUT",
                              .object = object_,
                              .headers = {{"Content-Type", std::string(type_of(key_))}},
                              .body = part_}));
    if (!answer.is_done()) return unexpected("PutObject", answer);
    return {};
  }

  Result<void> begin() {
    write_id_ = new_id("w_", client_->now());
    TRY_ASSIGN(
        const S3Answer answer,
        client_->call({.name = "CreateMultipartUpload",
                       .method = "POST",
                       .object = object_,
                       .query = {{"uploads", ""}},
                       .headers = {{"Content-Type", std::string(type_of(key_))}, {kWriteId, write_id_}}}));
    const std::optional<XmlElement> root = parse_xml(answer.response.body);
    const std::string_view upload = root ? root->text_of("UploadId") : std::string_view();
    if (!answer.is_done() || upload.empty()) return unexpected("CreateMultipartUpload", answer);
    upload_ = upload;
    return {};
  }

  Result<void> send_part() {
    if (upload_.empty()) TRY(begin());
    if (etags_.size() == kMostParts)
      return fail(Code::StorageFull, fmt::format("'{}' is larger than {}, which is {} parts of {}",
                                                 shown(key_), bytes_text(kMostParts * part_bytes_),
                                                 grouped(kMostParts), bytes_text(part_bytes_)));
    TRY_ASSIGN(
        const S3Answer answer,
        client_->call({.name = "UploadPart",
                       .method = "PUT",
                       .object = object_,
                       .query = {{"partNumber", std::to_string(etags_.size() + 1)}, {"uploadId", upload_}},
                       .body = part_}));
    const std::string_view etag = answer.response.header("etag");
    if (!answer.is_done() || etag.empty()) return unexpected("UploadPart", answer);
    etags_.emplace_back(etag);
    part_.clear();
    return {};
  }

  Result<void> complete() {
    std::string body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    for (std::size_t i = 0; i < etags_.size(); ++i)
      fmt::format_to(std::back_inserter(body), "<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>",
                     i + 1, xml_escaped(etags_[i]));
    body += "</CompleteMultipartUpload>";
    TRY_ASSIGN(const S3Answer answer, client_->call({.name = "CompleteMultipartUpload",
                                                     .method = "POST",
                                                     .object = object_,
                                                     .query = {{"uploadId", upload_}},
                                                     .headers = {{"Content-Type", "application/xml"}},
                                                     .body = body,
                                                     .answers_late = true}));
    if (answer.is_done()) return {};
    // A try before this one may have done it and its answer been lost.
    if (answer.code == "NoSuchUpload" && answer.tries > 1 && is_there()) return {};
    return unexpected("CompleteMultipartUpload", answer);
  }

  bool is_there() const {
    const Result<S3Answer> answer =
        client_->call({.name = "HeadObject", .method = "HEAD", .object = object_});
    return answer && answer->is_done() && answer->response.header(kWriteId) == write_id_;
  }

  std::shared_ptr<S3Client> client_;
  std::string object_;
  FileKey key_;
  std::size_t part_bytes_;
  std::string part_;    ///< what is not sent yet
  std::string upload_;  ///< id of the multipart upload; empty: none is open
  std::string write_id_;
  std::vector<std::string> etags_;  ///< of the parts that are there
  bool is_closed_ = false;
};

}  // namespace

std::unique_ptr<StoreWriter> s3_writer(std::shared_ptr<S3Client> client, std::string object,
                                       const FileKey& key, std::size_t part_bytes) {
  return std::make_unique<S3Writer>(std::move(client), std::move(object), key, part_bytes);
}

std::size_t part_bytes_for(std::uint64_t file_bytes, std::size_t usual) {
  const std::uint64_t needed = (file_bytes + kMostParts - 1) / kMostParts;
  const std::uint64_t whole = (needed + kMiB - 1) / kMiB * kMiB;
  return std::max<std::size_t>(usual, static_cast<std::size_t>(whole));
}

}  // namespace rowgate::store
