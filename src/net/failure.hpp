#pragma once
// How a call that did not get an answer is reported: Error{dependency_unavailable} whose details say where it ended,
// {"stage": "first_byte", "timeout": true}, for callers that decide by it.
#include <boost/describe.hpp>
#include <optional>
#include <string>

#include "base/error.hpp"

namespace net {

// pool: no free connection in time; write: the request could not be sent; first_byte: nothing came back; idle: silence
// in the middle of the body; total: the whole call took too long; response: what came was cut off, too large or no HTTP;
// refused: by ourselves, because the address is not public.
enum class Stage { pool, dns, connect, tls, write, first_byte, idle, total, response, refused };
BOOST_DESCRIBE_ENUM(Stage, pool, dns, connect, tls, write, first_byte, idle, total, response, refused)

base::Error failure(Stage stage, bool timed_out, std::string message);

// nullopt for an Error that failure() did not make.
std::optional<Stage> failed_stage(const base::Error& error);
bool timed_out(const base::Error& error);

}  // namespace net
