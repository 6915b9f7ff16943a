#pragma once

// The side of the connection layer that knows Asio. Included by stream.cc, connection.cc and server.cc only.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace rowgate::http {

namespace net = boost::asio;
using Executor = net::io_context::executor_type;
template <class T>
using Task = net::awaitable<T, Executor>;
using Socket = net::basic_stream_socket<net::ip::tcp, Executor>;
/// Errors of socket calls come as values.
inline constexpr net::as_tuple_t<net::use_awaitable_t<Executor>> kAsValue{net::use_awaitable_t<Executor>{}};

/// What became of one read or write.
struct Moved {
  boost::system::error_code error = {};
  std::size_t bytes = 0;
  bool is_end() const;      ///< the peer sent all that it will send
  bool would_wait() const;  ///< nothing has come yet
};

/// The bytes of an answer; several pieces go out in one call.
using Pieces = std::array<net::const_buffer, 3>;

/// One accepted connection, plain or TLS. Loop thread only, but for read_now().
class Stream {
 public:
  virtual ~Stream() = default;
  virtual Task<boost::system::error_code> handshake() = 0;
  virtual Task<Moved> read_some(std::span<char> into) = 0;
  virtual Task<Moved> write_some(Pieces pieces) = 0;
  /// What can be read without waiting; would_block where nothing is there, or only the loop can tell (TLS).
  /// From any thread, while nothing else is under way on the stream but shut_down().
  virtual Moved read_now(std::span<char> into) = 0;
  /// Tells the peer that nothing more comes.
  virtual Task<void> end_writing() = 0;
  /// Another read would not have to wait.
  virtual bool is_ready() = 0;
  virtual bool is_encrypted() const { return false; }
  /// The bytes themselves: reads without TLS, after end_writing().
  virtual Socket& socket() = 0;

  /// Ends what waits on the socket now with operation_aborted.
  void cancel();
  /// Ends what waits and what is read elsewhere; the socket stays open.
  void shut_down();
  void close();
  /// Closes such that the peer sees an error instead of an end.
  void reset();
  /// Whether the peer has sent its FIN (it may still read).
  bool has_peer_ended();
  /// Whether the peer has refused what was sent after that: it is gone.
  bool is_peer_gone();
  /// Sends a few bytes without waiting, past any encryption; false where there is no room for all of them.
  bool say_now(std::string_view bytes);
  /// Nothing that was sent is still on its way.
  bool is_all_received();
};

std::unique_ptr<Stream> plain_stream(Socket socket);
std::unique_ptr<Stream> tls_stream(Socket socket, net::ssl::context& context);

}  // namespace rowgate::http
