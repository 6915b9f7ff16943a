#pragma once

#include "http/in_process.h"

#include <string>

namespace rowgate::lambda {

/// An answer as API gateways and function URLs take it: {statusCode, headers, body, isBase64Encoded}, one
/// form for all of them. A body of text in UTF-8 goes as it is, any other in base64.
std::string answer_json(const http::WholeAnswer& answer);

}  // namespace rowgate::lambda
