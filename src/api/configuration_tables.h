#pragma once

#include "api/route.h"

namespace shoal::api {

// The tables of the configuration one by one, in JSON with the keys of shoal.toml:
//
// GET, POST          /api/v1/virtual-servers
// GET, PUT, DELETE   /api/v1/virtual-servers/NAME
// GET, POST          /api/v1/virtual-servers/NAME/real-servers
// GET, PUT, DELETE   /api/v1/virtual-servers/NAME/real-servers/NAME
// GET, POST          /api/v1/marks
// GET, PUT, DELETE   /api/v1/marks/VALUE
//
// A list is {"virtual_server": [...]}, {"real_server": [...]} or {"mark": [...]}, with every
// setting that has a value. PUT replaces the whole table, POST adds one behind the others; what the
// body does not set has its default. Their ETag, If-Match, parameters and answers are those of
// /api/v1/config (configuration.h): each change is a revision, and in the text nothing else is
// touched. 404: there is no such table; 409 "/problems/exists": there is one already;
// 409 "/problems/not-editable": the text is written in a way that only people can edit.
void add_table_routes(Routes& routes);

}  // namespace shoal::api
