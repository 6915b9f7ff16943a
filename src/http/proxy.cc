#include "http/proxy.h"

#include "base/text.h"

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace rowgate::http {

namespace {

using boost::asio::ip::address;

/// 16 bytes, as of IPv6; an IPv4 address is written in its mapped form, so that both compare alike.
using Bits = std::array<unsigned char, 16>;

std::optional<Bits> bits_of(std::string_view text) {
  boost::system::error_code error;
  const address parsed = boost::asio::ip::make_address(text, error);
  if (error) return std::nullopt;
  if (parsed.is_v6()) return parsed.to_v6().to_bytes();
  Bits bits{};
  bits[10] = bits[11] = 0xff;
  const auto v4 = parsed.to_v4().to_bytes();
  std::copy(v4.begin(), v4.end(), bits.begin() + 12);
  return bits;
}

bool starts_alike(const Bits& a, const Bits& b, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    const unsigned mask = 0x80U >> (i % 8);
    if (((a[i / 8] ^ b[i / 8]) & mask) != 0) return false;
  }
  return true;
}

bool is_in(const Bits& bits, std::string_view network) {
  const std::size_t slash = std::min(network.find('/'), network.size());
  const std::optional<Bits> base = bits_of(network.substr(0, slash));
  if (!base) return false;
  unsigned length = 128;
  if (slash != network.size()) {
    const std::string_view digits = network.substr(slash + 1);
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc{} || stop != digits.data() + digits.size()) return false;
    if (!network.substr(0, slash).contains(':')) length += 96;
  }
  return length <= 128 && starts_alike(bits, *base, length);
}

bool is_trusted(std::string_view text, std::span<const std::string> trusted) {
  const std::optional<Bits> bits = bits_of(text);
  if (!bits) return false;
  for (const std::string& network : trusted)
    if (is_in(*bits, network)) return true;
  return false;
}

/// An entry of X-Forwarded-For, which some proxies write with the port: "192.0.2.7:4711",
/// "[2001:db8::7]:4711".
std::string_view without_port(std::string_view hop) {
  if (hop.starts_with('[')) return hop.substr(1, std::min(hop.find(']'), hop.size()) - 1);
  return std::ranges::count(hop, ':') == 1 ? hop.substr(0, hop.find(':')) : hop;
}

}  // namespace

std::string client_address(std::string_view peer, const Fields& headers,
                           std::span<const std::string> trusted) {
  std::string client(peer);
  if (trusted.empty() || !is_trusted(peer, trusted)) return client;
  std::string list;
  for (const auto& [name, value] : headers)
    if (name == "x-forwarded-for") list += (list.empty() ? "" : ",") + value;
  while (!list.empty()) {
    const std::size_t comma = list.rfind(',');
    const std::size_t from = comma == std::string::npos ? 0 : comma + 1;
    const std::string_view hop = without_port(trim_spaces(std::string_view(list).substr(from)));
    if (!bits_of(hop)) return client;
    client = hop;
    if (!is_trusted(client, trusted)) return client;
    list.resize(from == 0 ? 0 : comma);
  }
  return client;
}

}  // namespace rowgate::http
