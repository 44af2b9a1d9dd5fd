/** The part of htm's standalone Preact that the page uses; the build copies the module beside this file. */

/** A piece of the page. */
export interface Tree {
  readonly type: unknown;
}

/** A piece of the page from markup; a value may be text, a number, a piece, a list of pieces, or nothing. */
export declare function html(strings: TemplateStringsArray, ...values: readonly unknown[]): Tree;

export declare function render(tree: Tree, parent: Element): void;
