#pragma once

#include "api/route.h"

namespace shoal::api {

// The draft that each user may keep, so that a lost page loses nothing:
//
// GET     /api/v1/candidate          {"base": N, "time_ms", "text"}; 404: there is none
// PUT     /api/v1/candidate?base=N   the text of a shoal.toml, good or not. `base` is the revision
//                                    that it was begun with; by default what the draft had, or else
//                                    what is in force
// DELETE  /api/v1/candidate
// POST    /api/v1/candidate/plan     as POST /api/v1/plan with its text
// POST    /api/v1/candidate/apply?comment=&confirm=60s&expect=N
//                                    as PUT /api/v1/config with its text; where another revision
//                                    than `base` (or `expect`) is in force, that is a conflict. The
//                                    draft is gone once it is in force.
void add_candidate_routes(Routes& routes);

}  // namespace shoal::api
