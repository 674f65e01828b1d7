/** Pages without a script of their own. */

import { startHouse } from "./house.js";

startHouse();
