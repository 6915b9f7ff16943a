#include "store/s3/reader.h"

#include "base/text.h"
#include "io/digest.h"
#include "store/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <mutex>

namespace rowgate::store {
namespace {

/// Readers begin with little, since many files are small, and ask for more each time.
constexpr std::uint64_t kFirstBytes = 256 * kKiB, kMostBytes = 4 * kMiB;

/// "bytes 0-255/1234": the whole size.
std::optional<std::uint64_t> size_in(std::string_view content_range) {
  const std::size_t slash = content_range.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const char* const end = content_range.data() + content_range.size();
  std::uint64_t size = 0;
  const auto [stop, error] = std::from_chars(content_range.data() + slash + 1, end, size);
  if (error != std::errc() || stop != end) return std::nullopt;
  return size;
}

/// One object as it was when it was looked up. Shared by the file and its readers; thread safe.
struct S3Object {
  std::shared_ptr<S3Client> client;
  std::string object, name;
  std::string etag, version;  ///< version: empty or "null" where the bucket keeps none
  std::uint64_t size = 0;
  std::string first_bytes;
  std::atomic<std::uint64_t> read_so_far{0};
  std::mutex mutex = {};
  std::optional<std::string> sha256 = {};  ///< guarded by mutex

  /// `count` bytes from `offset`, or fewer where the server gives fewer; never of another object.
  Result<std::string> range(std::uint64_t offset, std::uint64_t count) const {
    if (offset < first_bytes.size()) return first_bytes.substr(static_cast<std::size_t>(offset));
    TRY_ASSIGN(S3Answer answer, ask(offset, count, {}));
    const bool has_changed = answer.status() == 404 || answer.status() == 412;
    if (has_changed && !version.empty() && version != "null") {
      // By its version it can still be had. Not asked for at once, since that takes a right of its own.
      TRY_ASSIGN(answer, ask(offset, count, version));
    }
    if (answer.status() == 206 &&
        answer.response.header("content-range").starts_with(fmt::format("bytes {}-", offset)) &&
        !answer.response.body.empty() && answer.response.body.size() <= count)
      return std::move(answer.response.body);
    if (answer.status() == 404 || answer.status() == 412)
      return fail(Code::FileUnreadable,
                  fmt::format("the stored file '{}' was removed or replaced while it was read", shown(name)),
                  "read it again");
    return fail(Code::StorageDenied,
                fmt::format("the storage does not give bytes {} to {} of '{}' (status {})", offset,
                            offset + count - 1, shown(name), answer.status()));
  }

  Result<S3Answer> ask(std::uint64_t offset, std::uint64_t count, const std::string& of_version) const {
    S3Operation get{.name = "GetObject", .method = "GET", .object = object};
    get.headers = {{"Range", fmt::format("bytes={}-{}", offset, offset + count - 1)}};
    if (of_version.empty())
      get.headers.emplace_back("If-Match", etag);
    else
      get.query = {{"versionId", of_version}};
    return client->call(get);
  }
};

/// Reads on from `offset`, a range at a time.
class S3Source : public io::Source {
 public:
  S3Source(std::shared_ptr<S3Object> object, std::uint64_t offset) : object_(std::move(object)), at_(offset) {
    const std::scoped_lock lock(object_->mutex);
    if (offset == 0 && !object_->sha256) hash_.emplace();
  }

  Result<std::size_t> read(std::span<char> into) override {
    if (given_ == piece_.size()) TRY(fetch());
    const std::size_t count = std::min(into.size(), piece_.size() - given_);
    std::copy_n(piece_.begin() + static_cast<std::ptrdiff_t>(given_), count, into.begin());
    given_ += count;
    if (hash_) hash_->update(into.first(count));
    if (count == 0 && hash_) {
      const std::scoped_lock lock(object_->mutex);
      object_->sha256 = hash_->hex();
      hash_.reset();
    }
    return count;
  }

 private:
  /// The next piece; empty at the end.
  Result<void> fetch() {
    piece_.clear();
    given_ = 0;
    if (at_ >= object_->size) return {};
    TRY_ASSIGN(piece_, object_->range(at_, std::min(wanted_, object_->size - at_)));
    at_ += piece_.size();
    object_->read_so_far.fetch_add(piece_.size(), std::memory_order_relaxed);
    wanted_ = std::min(2 * wanted_, kMostBytes);
    return {};
  }

  std::shared_ptr<S3Object> object_;
  std::uint64_t at_;
  std::uint64_t wanted_ = kFirstBytes;
  std::string piece_;
  std::size_t given_ = 0;  ///< bytes of piece_
  std::optional<io::Sha256> hash_;
};

class S3File : public io::SourceFile {
 public:
  explicit S3File(std::shared_ptr<S3Object> object) : object_(std::move(object)) {}

  Result<std::unique_ptr<io::Source>> open(std::uint64_t offset) const override {
    return std::unique_ptr<io::Source>(new S3Source(object_, offset));
  }
  std::uint64_t stored_size() const override { return object_->size; }
  std::uint64_t stored_bytes_read() const override {
    return object_->read_so_far.load(std::memory_order_relaxed);
  }
  const std::string& name() const override { return object_->name; }

  Result<std::string> sha256() const override {
    {
      const std::scoped_lock lock(object_->mutex);
      if (object_->sha256) return *object_->sha256;
    }
    S3Source source(object_, 0);  // hashes on the way
    std::string piece(64 * kKiB, '\0');
    for (;;) {
      TRY_ASSIGN(const std::size_t got, source.read(piece));
      if (got == 0) break;
    }
    const std::scoped_lock lock(object_->mutex);
    return *object_->sha256;
  }

 private:
  std::shared_ptr<S3Object> object_;
};

}  // namespace

Result<std::shared_ptr<io::SourceFile>> s3_file(std::shared_ptr<S3Client> client, const std::string& object,
                                                const FileKey& key) {
  auto found = std::make_shared<S3Object>();
  found->client = std::move(client);
  found->object = object;
  found->name = key;
  TRY_ASSIGN(S3Answer answer,
             found->client->call({.name = "GetObject",
                                  .method = "GET",
                                  .object = object,
                                  .headers = {{"Range", fmt::format("bytes=0-{}", kFirstBytes - 1)}}}));
  if (answer.status() == 404) return std::unexpected(no_such_file(key));
  net::HttpResponse& response = answer.response;
  found->etag = response.header("etag");
  found->version = response.header("x-amz-version-id");
  // An empty object has no first byte; some servers give it whole.
  if (answer.status() != 416) found->first_bytes = std::move(response.body);
  const std::optional<std::uint64_t> size = answer.status() == 206
                                                ? size_in(response.header("content-range"))
                                                : std::optional<std::uint64_t>(found->first_bytes.size());
  const bool is_good =
      (answer.status() == 200 || answer.status() == 206 || answer.status() == 416) && size &&
      found->first_bytes.size() == std::min(*size, answer.status() == 206 ? kFirstBytes : *size);
  if (!is_good)
    return fail(Code::StorageDenied,
                fmt::format("the storage gives '{}' in a way that is not understood (status {})", shown(key),
                            answer.status()));
  found->size = *size;
  return std::shared_ptr<io::SourceFile>(std::make_shared<S3File>(std::move(found)));
}

}  // namespace rowgate::store
