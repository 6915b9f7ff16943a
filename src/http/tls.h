#pragma once

#include "base/error.h"

#include <boost/asio/ssl/context.hpp>

#include <string>

namespace rowgate::http {

/// TLS 1.2 and 1.3 for a server of HTTP/1.1 (ALPN), with the chain and the key of two PEM files. Fails with
/// config.invalid.
Result<boost::asio::ssl::context> tls_context(const std::string& certificate, const std::string& key);

}  // namespace rowgate::http
