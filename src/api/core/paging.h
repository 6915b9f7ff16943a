#pragma once

#include "api/core/call.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate::api {

/// A page ends before its limit where its items have so many bytes: rows may be of any size.
inline constexpr std::size_t kFullPageBytes = 4 << 20;
/// And this many items are asked for at once, so that a page of a thousand large ones is not held in memory
/// before its bytes are counted.
inline constexpr std::size_t kPagePiece = 50;

/// The `limit` and `cursor` of a list.
struct Page {
  std::size_t limit = 100;
  std::optional<std::string> position = {};  ///< what the cursor of the page before holds
};

/// Reads both from the query. Fails with request.invalid (limit) and request.bad_cursor (changed, of another
/// query, older than 24 hours).
Result<Page> read_page(const Call& call);

/// The `next` of a page: a cursor with `position`, signed, for 24 hours and for this query. Opaque to
/// clients, but not secret from them.
std::string make_cursor(const Call& call, std::string_view position);

/// {"items": [...], "next": ...}, with Link where there is a next page. `items`: JSON texts.
http::Response page_response(const Call& call, const std::vector<std::string>& items,
                             const std::optional<std::string>& next_position);
/// The Link header of a next page, for other forms than JSON.
void add_next_link(const Call& call, const std::string& cursor, http::Response& response);

}  // namespace rowgate::api
