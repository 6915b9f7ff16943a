#pragma once

#include "base/error.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate::http {

/// What the header of a part says (RFC 7578 section 4).
struct PartHead {
  std::string name;
  std::optional<std::string> filename = {};  ///< absent: an ordinary form field
  std::string content_type = "text/plain";
};

/// The value of a parameter of a header field such as `form-data; name="a"`: unquoted, nullopt when absent.
/// `key` in lower case.
std::optional<std::string> header_parameter(std::string_view value, std::string_view key);

/// Takes a multipart/form-data body (RFC 2046 section 5.1) apart as it comes. Memory: one piece of what is
/// fed, and a part's header, at most 8 KiB. Not thread safe.
class MultipartParser {
 public:
  struct Events {
    std::function<Result<void>(const PartHead&)> begin;
    std::function<Result<void>(std::string_view)> data;  ///< of the part that began last
  };
  MultipartParser(std::string_view boundary, Events events);

  /// Fails with request.one_file_expected (the form itself is broken), or as an event does.
  Result<void> feed(std::string_view bytes);
  /// Fails where the closing delimiter has not come.
  Result<void> finish();

 private:
  enum class State : std::uint8_t { Preamble, AfterDelimiter, Header, Data, Epilogue };
  Result<bool> step();
  Result<bool> read_delimiter_end();
  Result<bool> read_header();
  Result<bool> read_data();

  std::string delimiter_;  ///< CRLF, "--", the boundary
  Events events_;
  State state_ = State::Preamble;
  std::string pending_ = "\r\n";  ///< so that a delimiter at the very front is one like any other
  std::size_t parts_ = 0;
};

}  // namespace rowgate::http
