// The header `idempotency-key` between the front and a handler: the first request with a key runs
// the handler, one that is sent again gets its answer.
//
// I/O thread only.
#pragma once

#include "server/recorded_exchange.h"
#include "server/route_table.h"

namespace weir::server {

// Whether the request has a key that counts: of a POST for inference, where this site keeps
// answers. What commands and administrators ask for may hold secrets, and is not kept.
bool HasIdempotencyKey(const Site& site, const Match& match, const http::Request& request);

// `call` answers by way of `recorded`; its caller and what it asks for are known. An Error is the
// answer to a key that cannot be, or not now.
Task<Result<void>> AnswerOnce(Site& site, Call& call, std::string key, RecordedExchange& recorded,
                              const Route& route);

}  // namespace weir::server
