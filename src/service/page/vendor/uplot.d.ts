/** uPlot; the build copies the module beside this file. */
export { default } from "uplot";
