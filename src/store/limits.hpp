#pragma once
// What every store demands of its callers, checked before anything is sent: a breach is a bug in the caller.
#include <span>

#include "store/store.hpp"

namespace store {

// Each throws Error{internal_error} saying which limit is broken; no key or body is repeated in it.
void check_key(const Key& key);
void check_query(const Query& query);
void check_keys(std::span<const Key> keys);        // for get_many
void check_writes(std::span<const Write> writes);  // number, sizes, keys, conditions, no two on one key

const Key& key_of(const Write& write);
const Condition& condition_of(const Write& write);
std::size_t bytes_of(const Write& write);  // of keys and body

// An item is as good as gone from the second it expires at.
bool expired(std::int64_t expires_at_s, std::int64_t now_s);

}  // namespace store
