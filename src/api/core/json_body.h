#pragma once

#include "api/core/call.h"
#include "api/core/problem.h"

#include <string>
#include <string_view>

namespace rowgate::api {

/// A small JSON body, kept whole.
class JsonBody : public http::BodyReceiver {
 public:
  Result<void> take(std::span<const char> bytes) override {
    text_.append(bytes.data(), bytes.size());
    return {};
  }
  Result<void> finish() override { return {}; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// Takes application/json, or a body that says no type. Fails with request.unsupported_media,
/// request.unsupported_encoding.
Result<http::Accepted> accept_json(const Call& call);
/// The text of a body that accept_json() took; empty where there was none.
std::string json_text_of(const http::BodyReceiver* body);

/// request.bad_json: what is wrong with the body, and the member where it is (RFC 6901).
Problem bad_json(std::string message, std::string hint, std::string pointer = {});
/// "/a~1b" for the member "a/b" of the whole document.
std::string pointer_to(std::string_view member);

}  // namespace rowgate::api
