/** The tree of a Go text/template. @source Go src/text/template/parse/node.go */

/** Where a node stands in the template's text, for messages. */
export interface Place {
  readonly at: number;
  readonly text: string;
}

export type Operand =
  | (Place & { readonly kind: 'dot' })
  | (Place & { readonly kind: 'nil' })
  | (Place & { readonly kind: 'constant'; readonly value: string | number | boolean })
  | (Place & { readonly kind: 'field'; readonly names: readonly string[] })
  | (Place & {
      readonly kind: 'variable';
      readonly name: string;
      readonly names: readonly string[];
    })
  | (Place & { readonly kind: 'function'; readonly name: string })
  | (Place & {
      readonly kind: 'pipeline';
      readonly pipeline: Pipeline;
      readonly names: readonly string[];
    });

export interface Pipeline extends Place {
  readonly declare: readonly string[];
  readonly isAssignment: boolean;
  readonly commands: readonly (readonly Operand[])[];
}

export type TemplateNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipeline: Pipeline }
  | {
      readonly kind: 'if' | 'range' | 'with';
      readonly pipeline: Pipeline;
      readonly body: readonly TemplateNode[];
      readonly otherwise: readonly TemplateNode[];
    }
  | {
      readonly kind: 'template';
      readonly at: number;
      readonly name: string;
      readonly pipeline: Pipeline | null;
    }
  | { readonly kind: 'break' | 'continue' };

export interface ParsedTemplate {
  readonly text: string;
  readonly nodes: readonly TemplateNode[];
  readonly definitions: ReadonlyMap<string, readonly TemplateNode[]>;
}
