// The one place where the bodies of Asio are compiled (BOOST_ASIO_SEPARATE_COMPILATION): once instead of in
// every file that uses them.

#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
