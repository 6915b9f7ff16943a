#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rowgate::io {

/// SHA-256 (FIPS 180-4) of bytes as they come.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(std::span<const char> bytes);
  /// Lower-case hex. Nothing may follow.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);

}  // namespace rowgate::io
