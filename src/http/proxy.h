#pragma once

#include "http/message.h"

#include <span>
#include <string>
#include <string_view>

namespace rowgate::http {

/// Whose request it is: the peer, or, where the peer is a trusted proxy, the last address in X-Forwarded-For
/// that is none itself. `trusted` holds addresses and networks ("10.0.0.0/8"). What is no address is ignored.
std::string client_address(std::string_view peer, const Fields& headers,
                           std::span<const std::string> trusted);

}  // namespace rowgate::http
