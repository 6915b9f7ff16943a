#include "base/ids.h"
#include "base/text.h"
#include "io/files.h"
#include "io/stored_file.h"
#include "store/keys.h"
#include "store/s3/client.h"
#include "store/s3/reader.h"
#include "store/s3/writer.h"
#include "store/s3/xml.h"
#include "store/s3_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <mutex>
#include <optional>

namespace rowgate::store {
namespace {

namespace fs = std::filesystem;

/// More than this CopyObject does not take; such a file is read and written.
constexpr std::uint64_t kMostCopied = 5 * kGiB;

template <class Number>
Number number_in(std::string_view text) {
  Number number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// "2026-03-01T12:00:00.000Z", with or without the fraction.
Timestamp time_in(std::string_view text) {
  return from_rfc3339(fmt::format("{}.000Z", text.substr(0, 19))).value_or(Timestamp{});
}

class S3Store : public Store, public AddressSigner {
 public:
  explicit S3Store(S3Settings settings)
      : client_(std::make_shared<S3Client>(std::move(settings))), probe_(new_id("probe_", client_->now())) {}

  Result<std::unique_ptr<StoreWriter>> create(const FileKey& key) override {
    TRY_ASSIGN(std::string object, object_of(key));
    return s3_writer(client_, std::move(object), key, client_->settings().part_bytes);
  }

  Result<std::shared_ptr<io::SourceFile>> file(const FileKey& key) override {
    TRY_ASSIGN(const std::string object, object_of(key));
    return s3_file(client_, object, key);
  }

  Result<void> copy(const FileKey& from, const FileKey& to) override {
    TRY_ASSIGN(const std::string source, object_of(from));
    TRY_ASSIGN(std::string target, object_of(to));
    TRY_ASSIGN(const S3Answer about, head(source));
    if (!about.is_done()) return std::unexpected(no_such_file(from));
    if (number_in<std::uint64_t>(about.response.header("content-length")) > kMostCopied)
      return copy_bytes(from, to);
    TRY_ASSIGN(const S3Answer answer,
               client_->call({.name = "CopyObject",
                              .method = "PUT",
                              .object = std::move(target),
                              .headers = {{"x-amz-copy-source", client_->settings().bucket + '/' + source}},
                              .answers_late = true}));
    if (answer.status() == 404) return std::unexpected(no_such_file(from));
    if (!answer.is_done()) return not_done("CopyObject", from, answer);
    return {};
  }

  /// S3 does not tell whether there was anything to remove.
  Result<void> remove(const FileKey& key) override {
    TRY_ASSIGN(const std::string object, object_of(key));
    TRY_ASSIGN(const S3Answer about, head(object));
    if (!about.is_done()) return std::unexpected(no_such_file(key));
    TRY_ASSIGN(const S3Answer answer,
               client_->call({.name = "DeleteObject", .method = "DELETE", .object = object}));
    if (!answer.is_done() && answer.status() != 404) return not_done("DeleteObject", key, answer);
    return {};
  }

  /// In larger parts where it would have too many.
  Result<void> adopt(const FileKey& key, const fs::path& file) override {
    TRY_ASSIGN(std::string object, object_of(key));
    {
      TRY_ASSIGN(const std::shared_ptr<io::SourceFile> from, io::open_own_file(file, key));
      TRY_ASSIGN(const std::unique_ptr<io::Source> source, from->open(0));
      const std::unique_ptr<StoreWriter> target =
          s3_writer(client_, std::move(object), key,
                    part_bytes_for(from->stored_size(), client_->settings().part_bytes));
      TRY(pour(*source, *target));
    }
    std::error_code error;
    if (!fs::remove(file, error) && error)
      return std::unexpected(io::storage_error(error.value(), "cannot remove", file));
    return {};
  }

  Result<std::vector<StoredFile>> list(const FileKey& folder) override {
    TRY_ASSIGN(const std::string below, object_of(folder));
    std::vector<StoredFile> files;
    std::string more;
    do {
      net::Fields query = {{"list-type", "2"}, {"prefix", below + '/'}};
      if (!more.empty()) query.emplace_back("continuation-token", more);
      TRY_ASSIGN(const XmlElement page, listing("ListObjectsV2", std::move(query)));
      for (const XmlElement& entry : page.children)
        if (entry.name == "Contents") add_file(entry, files);
      const std::string next = page.text_of("IsTruncated") == "true"
                                   ? std::string(page.text_of("NextContinuationToken"))
                                   : std::string();
      if (!next.empty() && next == more) return not_understood("ListObjectsV2");
      more = next;
    } while (!more.empty());
    std::ranges::sort(files, {}, &StoredFile::key);
    end_abandoned(below + '/');
    return files;
  }

  /// A flood of questions is no flood of probes.
  Result<StoreHealth> probe() override {
    const std::scoped_lock lock(probe_mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (!last_probe_ || now - probed_at_ >= client_->settings().probe_kept) {
      last_probe_ = probe_now();
      probed_at_ = std::chrono::steady_clock::now();
    }
    return *last_probe_;
  }

  bool is_remote() const override { return true; }
  AddressSigner* address_signer() override { return this; }

  Result<SignedAddress> address(std::string_view method, const FileKey& key, std::string_view filename,
                                Timestamp until) override {
    TRY_ASSIGN(const std::string object, object_of(key));
    // One of is_key_level: nothing in it needs to be escaped.
    if (!is_key_level(filename)) return std::unexpected(not_a_key(std::string(filename)));
    return client_->address(
        method, object,
        {{"response-cache-control", "private, no-store"},
         {"response-content-disposition",
          fmt::format("attachment; filename=\"{0}\"; filename*=UTF-8''{0}", filename)},
         {"response-content-type", filename.ends_with(".csv") ? "text/csv" : "application/octet-stream"}},
        until);
  }

  Result<SignedAddress> address_to_put(const FileKey& key, std::string_view media_type,
                                       Timestamp until) override {
    TRY_ASSIGN(const std::string object, object_of(key));
    return client_->address("PUT", object, {}, until, {{"Content-Type", std::string(media_type)}});
  }

  Result<bool> is_there(const FileKey& key) override {
    TRY_ASSIGN(const std::string object, object_of(key));
    TRY_ASSIGN(const S3Answer about, head(object));
    return about.is_done();
  }

 private:
  Result<StoreHealth> probe_now() {
    const std::string object = prefixed(probe_);
    constexpr std::string_view kBytes = "rowgate was here\n";
    TRY(done_once({.name = "PutObject", .method = "PUT", .object = object, .body = kBytes, .once = true}));
    TRY_ASSIGN(const S3Answer read,
               done_once({.name = "GetObject", .method = "GET", .object = object, .once = true}));
    if (read.response.body != kBytes)
      return fail(Code::StorageDenied, "the storage does not give back what was written into it");
    TRY(done_once({.name = "DeleteObject", .method = "DELETE", .object = object, .once = true}));
    StoreHealth health{.clock_ahead = client_->clock_ahead()};
    TRY_ASSIGN(health.credentials, client_->credentials_source());
    return health;
  }

  std::string prefixed(std::string_view name) const {
    const std::string& prefix = client_->settings().prefix;
    return prefix.empty() ? std::string(name) : fmt::format("{}/{}", prefix, name);
  }

  Result<std::string> object_of(const FileKey& key) const {
    if (!is_key(key)) return std::unexpected(not_a_key(key));
    return prefixed(key);
  }

  /// The key of an object below the prefix; nullopt for what is none of ours.
  std::optional<FileKey> key_of(std::string_view object) const {
    const std::string& prefix = client_->settings().prefix;
    if (!prefix.empty()) {
      if (!object.starts_with(prefix) || !object.substr(prefix.size()).starts_with('/')) return std::nullopt;
      object.remove_prefix(prefix.size() + 1);
    }
    if (!is_key(object)) return std::nullopt;
    return FileKey(object);
  }

  static std::unexpected<Error> not_done(std::string_view operation, const FileKey& key,
                                         const S3Answer& answer) {
    return fail(Code::StorageDenied, fmt::format("{} of '{}' is answered with status {} {}", operation,
                                                 shown(key), answer.status(), answer.code));
  }
  static std::unexpected<Error> not_understood(std::string_view operation) {
    return fail(Code::StorageDenied,
                fmt::format("the storage answers {} with what is not understood", operation));
  }

  Result<S3Answer> head(const std::string& object) {
    return client_->call({.name = "HeadObject", .method = "HEAD", .object = object});
  }

  Result<S3Answer> done_once(const S3Operation& operation) {
    TRY_ASSIGN(S3Answer answer, client_->call(operation));
    if (!answer.is_done()) return not_done(operation.name, "probe", answer);
    return answer;
  }

  Result<void> copy_bytes(const FileKey& from, const FileKey& to) {
    TRY_ASSIGN(const std::shared_ptr<io::SourceFile> whole, file(from));
    TRY_ASSIGN(const std::unique_ptr<io::Source> source, whole->open(0));
    TRY_ASSIGN(std::string object, object_of(to));
    const std::unique_ptr<StoreWriter> target = s3_writer(
        client_, std::move(object), to, part_bytes_for(whole->stored_size(), client_->settings().part_bytes));
    return pour(*source, *target);
  }

  Result<XmlElement> listing(std::string_view operation, net::Fields query) {
    TRY_ASSIGN(const S3Answer answer,
               client_->call({.name = operation, .method = "GET", .query = std::move(query)}));
    std::optional<XmlElement> root = answer.is_done() ? parse_xml(answer.response.body) : std::nullopt;
    if (!root) return not_understood(operation);
    return *std::move(root);
  }

  void add_file(const XmlElement& entry, std::vector<StoredFile>& files) const {
    if (const std::optional<FileKey> key = key_of(entry.text_of("Key")))
      files.push_back(
          {*key, number_in<std::uint64_t>(entry.text_of("Size")), time_in(entry.text_of("LastModified"))});
  }

  /// What writers that died have left. It costs money but stands in nobody's way: errors are not told.
  void end_abandoned(const std::string& below) {
    const Result<XmlElement> page = listing("ListMultipartUploads", {{"uploads", ""}, {"prefix", below}});
    if (!page) return;
    const std::int64_t before = client_->now().micros - client_->settings().abandoned_after.count();
    for (const XmlElement& entry : page->children) {
      if (entry.name != "Upload" || !key_of(entry.text_of("Key"))) continue;
      if (time_in(entry.text_of("Initiated")).micros >= before) continue;
      (void)client_->call({.name = "AbortMultipartUpload",
                           .method = "DELETE",
                           .object = std::string(entry.text_of("Key")),
                           .query = {{"uploadId", std::string(entry.text_of("UploadId"))}}});
    }
  }

  std::shared_ptr<S3Client> client_;
  const std::string probe_;  ///< the object of this store's probes; other processes have theirs
  std::mutex probe_mutex_;
  std::optional<Result<StoreHealth>> last_probe_;         ///< guarded by probe_mutex_
  std::chrono::steady_clock::time_point probed_at_ = {};  ///< guarded by probe_mutex_
};

}  // namespace

std::unique_ptr<Store> s3_store(S3Settings settings) {
  return std::make_unique<S3Store>(std::move(settings));
}

}  // namespace rowgate::store
