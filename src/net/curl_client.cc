#include "base/text.h"
#include "net/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <mutex>

namespace rowgate::net {
namespace {

/// Handles that wait for the next request, each with its open connections.
constexpr std::size_t kMostIdle = 16;
/// Servers close connections that rest; a younger one is rarely found dead.
constexpr long kRestSeconds = 20;

struct CloseHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Handle = std::unique_ptr<CURL, CloseHandle>;
using List = std::unique_ptr<curl_slist, FreeList>;

/// Once in a process, before the first handle.
void start_curl() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)started;  // a failure shows at the first handle, which is then null
}

/// What the callbacks of one transfer fill.
struct Transfer {
  HttpResponse response = {};
  std::size_t most_bytes = 0;
  bool is_too_large = false;
};

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& transfer = *static_cast<Transfer*>(into);
  if (transfer.response.body.size() + size * count > transfer.most_bytes) {
    transfer.is_too_large = true;
    return 0;  // ends the transfer
  }
  transfer.response.body.append(bytes, size * count);
  return size * count;
}

std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& transfer = *static_cast<Transfer*>(into);
  const std::string_view line(bytes, size * count);
  const std::size_t colon = line.find(':');
  if (line.starts_with("HTTP/"))
    transfer.response.headers.clear();  // the answer after "100 Continue", or after a proxy's own
  else if (colon != std::string_view::npos)
    transfer.response.headers.emplace_back(
        lower_ascii(line.substr(0, colon)),
        trim_spaces(line.substr(colon + 1, line.find_last_not_of("\r\n") - colon)));
  return line.size();
}

/// Whether the same request may go well a little later.
bool may_pass(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SSL_CONNECT_ERROR:
      return true;
    default:
      return false;
  }
}

/// "https://bucket.example.org/key?X-Amz-..." as "bucket.example.org": the rest may hold a signature.
std::string_view host_of(std::string_view url) {
  const std::size_t begin = url.find("://") == std::string_view::npos ? 0 : url.find("://") + 3;
  return url.substr(begin, url.find_first_of("/?", begin) - begin);
}

class CurlClient : public HttpClient {
 public:
  explicit CurlClient(const std::optional<std::filesystem::path>& authorities)
      : authorities_(authorities ? authorities->string() : std::string()) {
    start_curl();
  }

  std::expected<HttpResponse, HttpFailure> send(const HttpRequest& request) override {
    Handle handle = take_handle();
    if (!handle) return std::unexpected(HttpFailure{"libcurl cannot be used", false});
    Transfer transfer{.most_bytes = request.most_bytes};
    std::array<char, CURL_ERROR_SIZE> why{};
    const List headers = header_list(request.headers);
    set_options(handle.get(), request);
    curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, why.data());
    curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(handle.get(), CURLOPT_HEADERDATA, &transfer);
    const CURLcode code = curl_easy_perform(handle.get());
    long status = 0;
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    give_back(std::move(handle));
    if (code != CURLE_OK) return std::unexpected(failure(request, transfer, code, why.data()));
    transfer.response.status = static_cast<int>(status);
    return std::move(transfer.response);
  }

 private:
  static HttpFailure failure(const HttpRequest& request, const Transfer& transfer, CURLcode code,
                             std::string_view why) {
    if (transfer.is_too_large)
      return {fmt::format("{} answers with more than {} bytes", host_of(request.url), request.most_bytes),
              false};
    return {fmt::format("{}: {}", host_of(request.url),
                        shown(why.empty() ? std::string_view(curl_easy_strerror(code)) : why, 200)),
            may_pass(code)};
  }

  static List header_list(const Fields& headers) {
    List list;
    const auto add = [&list](const std::string& line) {
      list.reset(curl_slist_append(list.release(), line.c_str()));
    };
    for (const auto& [name, value] : headers)
      add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
    add("Expect:");  // asking first costs a round trip, and a second where the other side does not know it
    if (std::ranges::none_of(headers,
                             [](const auto& field) { return lower_ascii(field.first) == "content-type"; }))
      add("Content-Type:");  // libcurl would say that it is a form
    return list;
  }

  void set_options(CURL* handle, const HttpRequest& request) const {
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);  // the signature is of the path as it was given
    if (!authorities_.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, authorities_.c_str());
    if (request.past_proxies) curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    set_method(handle, request);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall_timeout.count()));
    if (request.whole_timeout)
      curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.whole_timeout->count()));
    curl_easy_setopt(handle, CURLOPT_MAXAGE_CONN, kRestSeconds);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &take_body);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &take_header);
  }

  static void set_method(CURL* handle, const HttpRequest& request) {
    if (request.method == "HEAD") {
      curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
      return;
    }
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (request.method != "PUT" && request.method != "POST") return;
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    // Not copied. A null pointer would mean that the body is asked for piece by piece.
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.empty() ? "" : request.body.data());
  }

  Handle take_handle() {
    {
      const std::scoped_lock lock(mutex_);
      if (!idle_.empty()) {
        Handle handle = std::move(idle_.back());
        idle_.pop_back();
        return handle;
      }
    }
    return Handle(curl_easy_init());
  }

  /// With its connections, but without anything of the last request.
  void give_back(Handle handle) {
    curl_easy_reset(handle.get());
    const std::scoped_lock lock(mutex_);
    if (idle_.size() < kMostIdle) idle_.push_back(std::move(handle));
  }

  std::string authorities_;
  std::mutex mutex_;
  std::vector<Handle> idle_;  ///< guarded by mutex_
};

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  const auto found = std::ranges::find(headers, name, &Fields::value_type::first);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::unique_ptr<HttpClient> curl_client(const std::optional<std::filesystem::path>& authorities) {
  return std::make_unique<CurlClient>(authorities);
}

std::optional<Timestamp> http_date(std::string_view text) {
  const std::string copy(text);
  const std::time_t seconds = curl_getdate(copy.c_str(), nullptr);
  if (seconds < 0) return std::nullopt;
  return Timestamp{static_cast<std::int64_t>(seconds) * 1'000'000};
}

}  // namespace rowgate::net
