#include "db/server_address.h"

#include "base/text.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace rowgate::db {
namespace {

std::unexpected<Error> wrong(std::string message, std::string hint = {}) {
  if (hint.empty())
    hint = "for example mysql://loader@db.example.org/hr or postgresql://loader@db.example.org/hr";
  return fail(Code::ConfigInvalid, std::move(message), std::move(hint));
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Percent-decoded; nullopt for a broken escape or a NUL.
std::optional<std::string> decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

class AddressReader {
 public:
  explicit AddressReader(std::string_view url) : rest_(url) {}

  Result<ServerAddress> read() {
    TRY(read_scheme());
    const std::size_t question = rest_.find('?');
    const std::string_view query = question == rest_.npos ? "" : rest_.substr(question + 1);
    rest_ = rest_.substr(0, question);
    const std::size_t slash = rest_.find('/');
    if (slash == rest_.npos || slash + 1 == rest_.size()) return wrong("the address names no database");
    TRY_ASSIGN(address_.database, text(rest_.substr(slash + 1)));
    rest_ = rest_.substr(0, slash);
    TRY(read_user());
    TRY(read_host());
    address_.tls = is_loopback(address_.host) ? Tls::Disable : Tls::VerifyFull;
    TRY(read_options(query));
    return std::move(address_);
  }

 private:
  static Result<std::string> text(std::string_view part) {
    if (std::optional<std::string> plain = decoded(part)) return *std::move(plain);
    return wrong("the address has a broken % in it");
  }

  Result<void> read_scheme() {
    const auto take = [this](std::string_view scheme) {
      if (!rest_.starts_with(scheme)) return false;
      rest_.remove_prefix(scheme.size());
      return true;
    };
    if (take("mysql://")) return {};
    if (take("postgresql://") || take("postgres://")) {
      address_.kind = ServerKind::PostgreSql;
      address_.port = 5432;
      return {};
    }
    return wrong("the address begins with none of mysql:// and postgresql://");
  }

  Result<void> read_user() {
    const std::size_t at = rest_.rfind('@');
    if (at == rest_.npos || at == 0) return wrong("the address names no user");
    const std::string_view user = rest_.substr(0, at);
    if (user.find(':') != user.npos)
      return wrong("the address has a password in it",
                   "addresses are shown and logged: set database.password to "
                   "{ env: NAME } or { file: PATH } instead");
    TRY_ASSIGN(address_.user, text(user));
    rest_.remove_prefix(at + 1);
    return {};
  }

  Result<void> read_host() {
    std::string_view host = rest_, port;
    if (host.starts_with('[')) {
      const std::size_t close = host.find(']');
      if (close == host.npos) return wrong("the address has [ without ]");
      port = host.substr(close + 1);
      host = host.substr(1, close - 1);
      if (!port.empty() && !port.starts_with(':')) return wrong("the address has something behind ]");
    } else if (const std::size_t colon = host.find(':'); colon != host.npos) {
      port = host.substr(colon);
      host = host.substr(0, colon);
    }
    TRY_ASSIGN(address_.host, text(host));
    if (address_.host.empty()) return wrong("the address names no host");
    if (port.empty()) return {};
    port.remove_prefix(1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address_.port);
    if (error != std::errc() || end != port.data() + port.size() || address_.port == 0)
      return wrong(fmt::format("'{}' is no port", shown(port)));
    return {};
  }

  Result<void> read_options(std::string_view query) {
    while (!query.empty()) {
      const std::string_view pair = query.substr(0, query.find('&'));
      query.remove_prefix(std::min(pair.size() + 1, query.size()));
      const std::size_t equal = pair.find('=');
      if (equal == pair.npos) return wrong(fmt::format("'{}' in the address has no value", shown(pair)));
      TRY_ASSIGN(const std::string value, text(pair.substr(equal + 1)));
      TRY(read_option(pair.substr(0, equal), value));
    }
    return {};
  }

  Result<void> read_option(std::string_view key, const std::string& value) {
    if (key == "tls" && value == "disable")
      address_.tls = Tls::Disable;
    else if (key == "tls" && value == "require")
      address_.tls = Tls::Require;
    else if (key == "tls" && value == "verify-full")
      address_.tls = Tls::VerifyFull;
    else if (key == "ca")
      address_.ca = value;
    else if (key == "schema" && address_.kind == ServerKind::PostgreSql && !value.empty())
      address_.schema = value;
    else
      return wrong(
          fmt::format("the address has an unknown '{}={}'", shown(key), shown(value)),
          "it takes tls=disable, tls=require, tls=verify-full, ca=FILE and, on PostgreSQL, schema=NAME");
    return {};
  }

  std::string_view rest_;
  ServerAddress address_;
};

}  // namespace

std::string ServerAddress::shown() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  std::string text = fmt::format("{} {}@{}{}{}:{}/{}", kind == ServerKind::MySql ? "mysql" : "postgresql",
                                 rowgate::shown(user), is_v6 ? "[" : "", rowgate::shown(host),
                                 is_v6 ? "]" : "", port, rowgate::shown(database));
  if (kind == ServerKind::PostgreSql && schema != "public") text += "." + rowgate::shown(schema);
  return text;
}

Result<ServerAddress> read_server_address(std::string_view url) {
  return AddressReader(url).read();
}

}  // namespace rowgate::db
