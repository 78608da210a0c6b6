export const examples = async () => []
