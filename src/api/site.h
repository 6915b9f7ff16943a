#pragma once

// Who sent a request of a server that asks for no keys: its own user, or a page that the user's browser
// shows.
//
// A page of any site can make a browser send requests to 127.0.0.1, and by a name of its own that leads there
// (DNS rebinding) it can read the answers too. What a browser cannot lie about is the Host that it calls, and
// the Origin and Sec-Fetch-Site that tell whose page it is.

#include "api/router.h"
#include "base/error.h"

#include <string>
#include <string_view>

namespace rowgate::api {

/// "localhost", "::1" and the addresses that begin with "127.", without a port.
bool is_loopback_host(std::string_view host);
/// The host of "example.org:8080" or "[::1]:8080", in lower case, without brackets or a dot at its end.
std::string host_of(std::string_view authority);
/// Whether nobody but this machine's users can reach the server, and none of them needs a key.
bool is_for_this_machine_only(const Settings& settings);

/// Judges a request by where it comes from; a server with keys takes all. Fails with request.misdirected,
/// request.cross_site.
Result<void> check_site(const Settings& settings, const http::Request& request, const Match& found);

}  // namespace rowgate::api
