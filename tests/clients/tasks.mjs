// What every client is asked to do, for JavaScript; tasks.py says what a client's file holds. Here `subjects` is a
// constant of the same form, stream is an asynchronous generator, and structured gives a plain object.
export const TURNS_MAX = 8;

// Every call of a tool since the last task began: [name, arguments].
export const ran = [];

export const TOOLS = {
  weather({city}) {
    ran.push(['weather', {city}]);
    return `17 degrees in ${city}`;
  },
  add({a, b}) {
    ran.push(['add', {a, b}]);
    return `${a} + ${b} = ${a + b}`;
  },
};

export const DESCRIPTIONS = {weather: 'The weather in a city.', add: 'The sum of two numbers.'};

const object = (properties) => ({type: 'object', properties, required: Object.keys(properties), additionalProperties: false});

export const PARAMETERS = {
  weather: object({city: {type: 'string'}}),
  add: object({a: {type: 'integer'}, b: {type: 'integer'}}),
};

export const PLACE = object({
  city: {enum: ['Paris', 'Rome', 'Bern']},
  country: object({name: {enum: ['France', 'Italy', 'Switzerland']}, in_the_union: {type: 'boolean'}}),
  river: {anyOf: [{enum: ['Seine', 'Tiber', 'Aare']}, {type: 'null'}]},
});

export const endless = () => new Error('the model calls tools without end');
