export const declarations = () => ({})
