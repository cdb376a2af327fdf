// The one place where the non-template code of Beast and of Asio's TLS is compiled (BOOST_*_SEPARATE_COMPILATION).
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
