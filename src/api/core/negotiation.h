#pragma once

#include <string_view>

namespace rowgate::api {

/// The one of `produces` (media types separated by spaces) that an Accept header (RFC 9110 section 12.5.1)
/// likes best; of equals the first. Empty where it excludes all. An empty `accept` takes the first.
std::string_view best_form(std::string_view produces, std::string_view accept);

/// Whether an If-None-Match header names `etag` (RFC 9110 section 13.1.2, weak comparison), or is *.
bool names_etag(std::string_view if_none_match, std::string_view etag);

}  // namespace rowgate::api
